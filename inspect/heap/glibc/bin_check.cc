#include "inspect/heap/glibc/bin_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "inspect/heap/glibc/tally.h"

namespace strata::glibc {
namespace {

constexpr const char* kUseAfterFree = "a block was written to after it was freed";
constexpr const char* kHeadOver = "the arena's own words were written over";
constexpr Bytes kForth = 16_B;  // from a chunk, or from what stands for a bin
constexpr Bytes kBack = 24_B;
constexpr Bytes kSizesForth = 32_B;
constexpr Bytes kSizesBack = 40_B;
constexpr std::size_t kFirstLarge = 64;  // by bin number, which is one more than its index

Bytes in_bytes(std::uint32_t granules) { return Ground::kGranule * granules; }

std::uint32_t in_granules(Bytes size) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(size / Ground::kGranule, ~std::uint32_t{0}));
}

}  // namespace

void BinCheck::begin() {
  free_.clear();
  sizes_.clear();
  last_ = {};
  is_cut_ = false;
  heads_.clear();
  for (const Arena& arena : heap_.arenas) heads_.push_back(read_heads(arena));
}

BinCheck::Heads BinCheck::read_heads(const Arena& arena) const {
  Heads heads;
  std::array<std::uint64_t, Layout::kBins * 2 + 2> words;
  const auto bytes = std::as_writable_bytes(std::span(words));
  const auto got = memory_.read(arena.state + arena.layout.bins, bytes);
  heads.can_be_followed = got && got->value == bytes.size() && !arena.regions.empty();
  for (std::size_t bin = 0; bin < Layout::kBins; ++bin) {
    heads.forth[bin] = link_of(arena, words[bin * 2]);
    heads.back[bin] = link_of(arena, words[bin * 2 + 1]);
  }
  std::memcpy(heads.map.data(), &words[Layout::kBins * 2], sizeof heads.map);
  return heads;
}

void BinCheck::leave_out_moved() {
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    if (!(heads_[i] == read_heads(heap_.arenas[i]))) heads_[i].can_be_followed = false;
  }
}

std::uint32_t BinCheck::link_of(const Arena& arena, std::uint64_t word) const {
  const Address link{word};
  const Range bins = range_of(arena.state + arena.layout.bins - kForth, Layout::kBinBytes);
  if (bins.contains(link)) return kBin + static_cast<std::uint32_t>((link - bins.start) / 16_B);
  return ground_.number_of(link).value_or(kNowhere);
}

void BinCheck::pass(std::size_t arena, const Chunk& chunk, Window& window) {
  if (!last_.range.empty() && last_.state == ChunkState::kBinned && !free_.empty()) {
    free_.back().after = in_granules(chunk.range.size());
  }
  const Chunk before = std::exchange(last_, chunk);
  if (chunk.state == ChunkState::kLost) heads_[arena].can_be_followed = false;
  if (chunk.state != ChunkState::kBinned) return;
  const auto number = ground_.number_of(chunk.range.start);
  if (!number || free_.size() >= kMost) {
    is_cut_ = true;
    return;
  }
  const Arena& at = heap_.arenas[arena];
  const auto pair_at = [&](Bytes offset) {
    const Window::Header* const words = window.header(chunk.range.start + offset, chunk.range.end);
    return words == nullptr ? std::pair(kNowhere, kNowhere)
                            : std::pair(link_of(at, words->previous), link_of(at, words->size));
  };
  const auto [forth, back] = pair_at(kForth);
  free_.push_back({*number, static_cast<std::uint32_t>(arena), in_granules(chunk.range.size()),
                   in_granules(before.range.size()), 0, forth, back});
  if (chunk.range.size() < 1_KiB) return;
  const auto [larger, smaller] = pair_at(kSizesForth);
  sizes_.push_back({*number, larger, smaller});
}

const BinCheck::Free* BinCheck::find(std::uint32_t chunk) const {
  const auto found = std::lower_bound(free_.begin(), free_.end(), chunk,
                                      [](const Free& f, std::uint32_t n) { return f.chunk < n; });
  return found != free_.end() && found->chunk == chunk ? &*found : nullptr;
}

const BinCheck::Sizes* BinCheck::find_sizes(std::uint32_t chunk) const {
  const auto found = std::lower_bound(sizes_.begin(), sizes_.end(), chunk,
                                      [](const Sizes& f, std::uint32_t n) { return f.chunk < n; });
  return found != sizes_.end() && found->chunk == chunk ? &*found : nullptr;
}

Neighbours BinCheck::around(const Free& chunk) const {
  const Address start = ground_.address_of(chunk.chunk);
  const Address end = start + in_bytes(chunk.size);
  const auto beside = [&](Range range) {
    ChunkState state = ChunkState::kLive;
    if (heap_.cached.contains(range.start)) state = ChunkState::kCached;
    if (heap_.fast.contains(range.start)) state = ChunkState::kFast;
    if (heap_.arenas[chunk.arena].top == range.start) state = ChunkState::kTop;
    return range.empty() ? Chunk{} : Chunk{range, state};
  };
  return {beside({start - in_bytes(chunk.before), start}),
          {{start, end}, ChunkState::kBinned},
          beside(range_of(end, in_bytes(chunk.after)))};
}

std::string BinCheck::name_of(std::uint32_t link) const {
  if (link == kNowhere) return "outside of the heap";
  if (link >= kBin) return fmt::format("bin {}", link - kBin + 1);
  return fmt::format("{:#x}", ground_.address_of(link).value);
}

/// Of the word `field` behind what `link` names, a chunk or a bin. Always false.
bool BinCheck::report(const Arena& arena, std::size_t bin, std::uint32_t link, Bytes field,
                      std::string what, const char* cause) {
  const bool is_bin = link >= kBin;
  const Address base = is_bin ? arena.state + arena.layout.bins - kForth + 16_B * (link - kBin)
                              : ground_.address_of(link);
  Damage damage{base + field,
                fmt::format("{}, bin {}: {}", arena.name, bin + 1, std::move(what)),
                is_bin ? kHeadOver : cause,
                is_bin ? Address{} : base,
                {}};
  if (const Free* const chunk = is_bin ? nullptr : find(link)) damage.around = around(*chunk);
  heap_.report(arena, std::move(damage));
  return false;
}

/// Whether the bin of this index holds together.
bool BinCheck::follow(std::size_t arena, std::size_t bin) {
  const Arena& a = heap_.arenas[arena];
  const Heads& heads = heads_[arena];
  const std::uint32_t self = kBin + static_cast<std::uint32_t>(bin);
  const bool is_large = bin + 1 >= kFirstLarge;
  std::vector<std::uint32_t> firsts;  // of each size, in a large bin
  std::uint32_t from = self;
  std::uint32_t last_size = ~std::uint32_t{0};
  for (std::uint32_t link = heads.forth[bin]; link != self;) {
    const Free* const chunk = find(link);
    if (chunk == nullptr || chunk->arena != arena) {
      return report(
          a, bin, from, kForth,
          fmt::format("a link leads to {}, where none of its free chunks is", name_of(link)),
          kUseAfterFree);
    }
    const Address at = ground_.address_of(link);
    const auto index = static_cast<std::size_t>(chunk - free_.data());
    if (seen_[index]) {
      return report(a, bin, from, kForth,
                    fmt::format("a link leads back to the chunk at {:#x}, which stands in a bin "
                                "already",
                                at.value),
                    kUseAfterFree);
    }
    if (chunk->back != from) {
      const Free* const other = find(chunk->back);
      if (other != nullptr && other->forth == link) {
        return report(
            a, bin, from, kForth,
            fmt::format("a link leads to the chunk at {:#x}, which is behind another", at.value),
            kUseAfterFree);
      }
      return report(a, bin, link, kBack,
                    fmt::format("the chunk at {:#x} does not lead back to the one before it in the "
                                "list",
                                at.value),
                    kUseAfterFree);
    }
    seen_[index] = true;
    const Bytes size = in_bytes(chunk->size);
    if (bin > 0 && bin_of(size) != bin + 1) {
      report(a, bin, link, 8_B,
             fmt::format("the chunk at {:#x} has {} bytes, which belong into bin {}", at.value,
                         size.value, bin_of(size)),
             "the block before it was written beyond its end");
    }
    if (is_large && chunk->size > last_size) {
      report(a, bin, link, 8_B,
             fmt::format("the chunk at {:#x} has {} bytes, and stands behind a smaller one",
                         at.value, size.value),
             "the block before it was written beyond its end");
    }
    if (is_large && chunk->size != last_size) firsts.push_back(link);
    last_size = chunk->size;
    from = link;
    link = chunk->forth;
  }
  if (heads.back[bin] != from) {
    return report(a, bin, self, kBack, "it does not lead back to its last chunk", kHeadOver);
  }
  const std::size_t number = bin + 1;
  if (bin > 0 && from != self && (heads.map[number / 32] >> number % 32 & 1) == 0) {
    heap_.report(a, {a.state + a.layout.bins + Layout::kBinBytes + Bytes{number / 32 * 4},
                     fmt::format("{}: bin {} holds chunks, and is marked as empty in the binmap",
                                 a.name, number),
                     kHeadOver,
                     {},
                     {}});
  }
  return check_sizes(a, bin, firsts);
}

/// The first chunks of each size form a ring.
bool BinCheck::check_sizes(const Arena& arena, std::size_t bin,
                           const std::vector<std::uint32_t>& firsts) {
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    const Sizes* const links = find_sizes(firsts[i]);
    if (links == nullptr) continue;
    const std::uint32_t next = firsts[(i + 1) % firsts.size()];
    const std::uint32_t before = firsts[(i + firsts.size() - 1) % firsts.size()];
    const bool forth = links->forth == next;
    if (forth && links->back == before) continue;
    return report(arena, bin, firsts[i], forth ? kSizesBack : kSizesForth,
                  fmt::format("the chunk at {:#x} does not lead to the first one of the {} size",
                              ground_.address_of(firsts[i]).value, forth ? "larger" : "next"),
                  kUseAfterFree);
  }
  return true;
}

void BinCheck::check() {
  seen_.assign(free_.size(), false);
  // Beyond what was kept, lists lead to what is not known.
  if (is_cut_) return;
  for (std::size_t arena = 0; arena < heads_.size(); ++arena) {
    if (!heads_[arena].can_be_followed) continue;
    bool hold = true;
    for (std::size_t bin = 0; bin + 1 < Layout::kBins; ++bin) hold = follow(arena, bin) && hold;
    // What stands behind a link that is broken is in no list that could be followed.
    heads_[arena].can_be_followed = hold;
  }
  report_unlisted();
}

void BinCheck::report_unlisted() {
  for (std::size_t i = 0; i < free_.size(); ++i) {
    const Free& chunk = free_[i];
    if (seen_[i] || !heads_[chunk.arena].can_be_followed) continue;
    const Address start = ground_.address_of(chunk.chunk);
    const Address behind = start + in_bytes(chunk.size);
    const Arena& arena = heap_.arenas[chunk.arena];
    heap_.report(
        arena, {behind + 8_B,
                fmt::format("{}: the chunk at {:#x} ({} bytes) is free by the one behind "
                            "it, and stands in no bin",
                            arena.name, start.value, in_bytes(chunk.size).value),
                "a block was written beyond its end, or after it was freed", start, around(chunk)});
  }
}

std::vector<std::string> BinCheck::notes() const {
  if (!is_cut_) return {};
  return {
      fmt::format("glibc has more free chunks than the {} that are held against its bins; the "
                  "bins were not followed",
                  kMost)};
}

}  // namespace strata::glibc
