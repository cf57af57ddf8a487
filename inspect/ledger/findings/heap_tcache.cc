// What threads' caches hold: freed, in no bin, and nobody else's to use.
// Source  glibc malloc/malloc.c (tcache_put: up to tcache_count of each size up to tcache_max, from
//         2.43 on 16 for 7; a thread's end empties its cache, malloc_trim does not).
#include <algorithm>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"
#include "inspect/ledger/findings/heap_shares.h"

namespace strata {
namespace {

// A full cache is 235 KiB, from 2.43 on 536 KiB: less than two of these is what caches are for.
constexpr Bytes kLeastCached = 1_MiB;
// What is advised, and its chunk: most of a full cache is in larger blocks, most frees are not.
constexpr std::uint64_t kAdvisedMax = 256;
constexpr Bytes kAdvisedChunk = 272_B;

Bytes above_advised(const glibc::Tally& tally) {
  Bytes sum;
  const auto sizes = tally.sizes();
  for (auto it = sizes.upper_bound(kAdvisedChunk); it != sizes.end(); ++it) {
    sum += it->first * it->second[static_cast<std::size_t>(glibc::ChunkState::kCached)];
  }
  return sum;
}

}  // namespace

std::optional<Finding> check_heap_tcache(const Explanation& e) {
  if (e.glibc == nullptr) return std::nullopt;
  const HeapFigures heap = heap_figures(e);
  const FreeFigures& cached = heap.all.cached;
  if (cached.resident < kLeastCached || !is_worth_a_line(cached.resident, e)) return std::nullopt;
  const std::vector<glibc::ThreadCache>& caches = e.glibc->heap.caches;
  if (caches.empty()) return std::nullopt;
  const auto fullest =
      std::max_element(caches.begin(), caches.end(),
                       [](const auto& a, const auto& b) { return a.all.bytes < b.all.bytes; });
  Finding finding;
  finding.bytes = cached.resident;
  finding.text = fmt::format(
      "Freed, and kept in {}: {} chunks that only the thread itself can be given again; "
      "malloc_trim does not empty them. The fullest is {}'s: {}.",
      counted(caches.size(), "thread cache"), cached.chunks, listed_threads(e, {fullest->tid}),
      humanised(fullest->all.bytes));
  if (const auto& parameters = e.glibc->heap.parameters) {
    finding.text += fmt::format(" Each may keep {} chunks of every size up to {}.",
                                parameters->cached_each, humanised(parameters->cached_below));
  }
  const Bytes above = above_advised(e.glibc->tally);
  finding.action = "Let idle threads end: that empties their caches.";
  if (above * 2 > cached.bytes) {
    finding.action += fmt::format(
        " Or keep small blocks alone: GLIBC_TUNABLES=glibc.malloc.tcache_max={} leaves {} of it to "
        "the arenas, for all threads; larger blocks then take an arena's lock each time.",
        kAdvisedMax, humanised(above));
  } else {
    finding.action +=
        " Or keep fewer of each size: GLIBC_TUNABLES=glibc.malloc.tcache_count=2; more blocks then "
        "take an arena's lock.";
  }
  finding.saves = fmt::format(
      "At most {}: chunks that leave a cache are free for all threads, and only their whole pages "
      "can be given back.",
      humanised(cached.resident));
  return finding;
}

}  // namespace strata
