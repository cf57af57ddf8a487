// inspect/ledger/sweep_model.h - for the sweep's test and fuzzer: claims and runs made from bytes,
// and what the sweep must make of them, found page by page without any cleverness.
// Units   The address space is kSpace pages of one byte each; claims and runs start where they
// like.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <vector>

#include "inspect/ledger/ledger.h"
#include "inspect/ledger/sweep.h"

namespace strata::test {

inline constexpr std::size_t kSpace = 256;

inline void require(bool condition) {
  if (!condition) abort();
}

/// Hands out the bytes one after the other, then zeros.
class Source {
 public:
  explicit Source(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool more() const { return at_ < bytes_.size(); }
  unsigned take(unsigned below) { return (more() ? bytes_[at_++] : 0u) % below; }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

struct Scene {
  std::vector<Claim> claims;
  std::vector<PageRun> runs;
};

/// Mappings are disjoint, as the kernel's are; other claims nest, overlap and stick out as they
/// may.
inline Scene make_scene(Chart& chart, Source source) {
  Scene scene;
  std::uint64_t at = 0;
  for (unsigned n = source.take(8); n > 0 && at < kSpace; --n) {
    const std::uint64_t start = at + source.take(24);
    const std::uint64_t end = std::min<std::uint64_t>(start + source.take(64), kSpace);
    scene.claims.push_back({{Address{start}, Address{end}},
                            chart.open({"mapping", std::to_string(n)}),
                            EvidenceId::kNone,
                            Rank::kMapping});
    at = std::max(end, start);
  }
  at = 0;
  for (unsigned n = source.take(12); n > 0 && at < kSpace; --n) {
    const std::uint64_t start = at + source.take(16);
    const std::uint64_t end = std::min<std::uint64_t>(start + 1 + source.take(32), kSpace);
    PageRun run{{Address{start}, Address{end}}, {}};
    run.flags.bits = static_cast<std::uint16_t>(1u << source.take(11) | 1u << source.take(11));
    if (start < end) scene.runs.push_back(run);
    at = end;
  }
  unsigned name = 0;
  while (source.more() && scene.claims.size() < 64) {
    const std::uint64_t start = source.take(kSpace);
    const std::uint64_t size = source.take(64);
    const Rank rank{static_cast<std::uint8_t>(1 + source.take(9))};
    // No account twice, so that the bytes tell which claim got them.
    scene.claims.push_back({{Address{start}, Address{start + size}},
                            chart.open({"claim", std::to_string(name++ % 3), std::to_string(name)}),
                            EvidenceId::kNone,
                            rank});
  }
  return scene;
}

/// The claim that has the byte at `at`, by the rule as claim.h has it; null where nothing is
/// mapped.
inline const Claim* winner_at(const Scene& scene, Address at) {
  const Claim* best = nullptr;
  bool mapped = false;
  for (const Claim& claim : scene.claims) {
    if (at < claim.range.start || at >= claim.range.end) continue;
    mapped |= claim.rank == Rank::kMapping;
    if (best == nullptr || claim.rank > best->rank) {
      best = &claim;
    } else if (claim.rank == best->rank) {
      const bool within = best->range.contains(claim.range) && best->range != claim.range;
      const bool later = claim.range.start > best->range.start;
      if (within || (later && !claim.range.contains(best->range))) best = &claim;
    }
  }
  return mapped ? best : nullptr;
}

/// Runs the sweep and the model over one scene; ends the program where they differ.
inline void hold_against_model(std::span<const std::uint8_t> bytes) {
  Ledger ledger;
  const Scene scene = make_scene(ledger.chart(), Source(bytes));
  // Which account has each byte, and its flags, as the sweep says.
  std::vector<int> owner(2 * kSpace, -1);
  std::vector<int> flags(2 * kSpace, 0);
  Address last;
  StoredClaims stream(scene.claims);
  Sweep sweep(stream, {[&](const Claim& piece) {
                         require(!piece.range.empty() && piece.range.start >= last);
                         last = piece.range.end;
                         for (auto a = piece.range.start.value; a < piece.range.end.value; ++a) {
                           require(owner[a] == -1);
                           owner[a] = static_cast<int>(piece.account);
                         }
                         ledger.book_mapped(piece);
                       },
                       [&](const Claim& piece, Range part, PageFlags f) {
                         require(!part.empty() && piece.range.contains(part));
                         for (auto a = part.start.value; a < part.end.value; ++a) {
                           require(owner[a] == static_cast<int>(piece.account) && flags[a] == 0);
                           flags[a] = f.bits;
                         }
                         ledger.book_pages(piece, part, f);
                       }});
  for (const PageRun& run : scene.runs) sweep.add(run);
  sweep.finish();

  std::map<int, Measure> expected;
  Measure all;
  for (std::uint64_t a = 0; a < 2 * kSpace; ++a) {
    const Claim* const winner = winner_at(scene, Address{a});
    if (winner == nullptr) {
      require(owner[a] == -1 && flags[a] == 0);
      continue;
    }
    // Claims of one rank and one range: either may have it, the books only have to balance.
    bool won = false;
    for (const Claim& claim : scene.claims) {
      won |= static_cast<int>(claim.account) == owner[a] && claim.rank == winner->rank &&
             claim.range == winner->range;
    }
    require(won);
    Measure one;
    one.virtual_size = 1_B;
    for (const PageRun& run : scene.runs) {
      if (!run.range.contains(Address{a})) continue;
      require(flags[a] == run.flags.bits);
      one.add(run.flags, 1_B);
    }
    expected[owner[a]].add(one);
    all.add(one);
  }
  const auto same = [](const Measure& a, const Measure& b) {
    return a.virtual_size == b.virtual_size && a.resident == b.resident &&
           a.anonymous == b.anonymous && a.huge == b.huge && a.swapped == b.swapped &&
           a.zero == b.zero && a.guard == b.guard && a.hugetlb == b.hugetlb &&
           a.uncounted == b.uncounted && a.unknown == b.unknown && a.held == b.held;
  };
  require(same(ledger.sum(), all));
  require(same(ledger.totals()[0], all));
  for (std::size_t i = 1; i < ledger.chart().size(); ++i) {
    require(same(ledger.own(AccountId(i)), expected[static_cast<int>(i)]));
  }
}

}  // namespace strata::test
