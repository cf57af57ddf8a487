#include "inspect/object/block_map.h"

#include <algorithm>
#include <bit>

namespace strata {
namespace {

constexpr Bytes kGranule = 16_B;

}  // namespace

std::optional<BlockMap> BlockMap::make(const glibc::Heap& heap) {
  BlockMap map;
  std::uint64_t granules = 0;
  std::vector<Range> all;
  for (const Range& range : heap.ground) {
    map.ground_.push_back({range, static_cast<BlockNumber>(granules)});
    granules += (range.size() / kGranule + kPageGranules) / kPageGranules * kPageGranules;
    if (granules + heap.mmapped.chunks.size() >= kNowhere) return std::nullopt;
    all.push_back(range);
    if (range.size() > map.widest_.range.size()) map.widest_ = map.ground_.back();
  }
  map.granules_ = static_cast<BlockNumber>(granules);
  map.mapped_ = heap.mmapped.chunks;
  map.mapped_headers_ = heap.mmapped.headers;
  // From 2.43 on a mapped chunk keeps a word for its end, as all others do; fast bins went with it.
  const bool has_tail = std::none_of(heap.arenas.begin(), heap.arenas.end(), [](const auto& arena) {
    return arena.layout.has_fast_bins();
  });
  map.mapped_tail_ = has_tail ? 8_B : 0_B;
  all.insert(all.end(), map.mapped_.begin(), map.mapped_.end());
  map.bands_ = Bands(std::move(all));
  map.marks_ = BitPairs(granules);
  map.summary_.resize(map.marks_.words().size() / 64 + 1);
  return map;
}

void BlockMap::add(const glibc::Chunk& chunk) {
  const BlockNumber number = number_of(chunk.range.start);
  if (number == kNowhere) return;
  marks_.set_first(number);
  summary_[number >> 12] |= std::uint64_t{1} << (number >> 6 & 63);
  if (chunk.state == glibc::ChunkState::kLive) marks_.set_second(number);
}

void BlockMap::free(Address chunk) {
  const BlockNumber number = number_of(chunk);
  if (number != kNowhere) marks_.clear_second(number);
}

BlockNumber BlockMap::look_up(Address granule) const {
  const auto behind =
      std::upper_bound(ground_.begin(), ground_.end(), granule,
                       [](Address a, const Ground& g) { return a < g.range.start; });
  if (behind == ground_.begin()) return kNowhere;
  const Ground& ground = *std::prev(behind);
  if (!ground.range.contains(granule)) return kNowhere;
  return ground.first + static_cast<BlockNumber>((granule - ground.range.start) / kGranule);
}

BlockMap::Place BlockMap::mapped_place_of(std::uint64_t pointer) const {
  const Address address{pointer};
  const Address before = address - kGranule;
  const auto behind = std::upper_bound(mapped_headers_.begin(), mapped_headers_.end(), before);
  if (behind == mapped_headers_.begin()) return {};
  const auto index = static_cast<std::size_t>(std::prev(behind) - mapped_headers_.begin());
  if (!mapped_[index].contains(address)) return {};
  return {mapped_block(index), before == mapped_headers_[index], false};
}

BlockNumber BlockMap::start_at_or_before(BlockNumber granule) const {
  const auto& words = marks_.words();
  std::size_t word = granule >> 6;
  std::uint64_t bits = words[word].first & (~std::uint64_t{0} >> (63 - (granule & 63)));
  if (bits == 0) {
    if (word == 0) return kNowhere;
    --word;
    std::size_t above = word >> 6;
    std::uint64_t marked = summary_[above] & (~std::uint64_t{0} >> (63 - (word & 63)));
    while (marked == 0) {
      if (above == 0) return kNowhere;
      marked = summary_[--above];
    }
    word = above * 64 + static_cast<std::size_t>(63 - std::countl_zero(marked));
    bits = words[word].first;
  }
  return static_cast<BlockNumber>(word * 64) +
         static_cast<BlockNumber>(63 - std::countl_zero(bits));
}

BlockNumber BlockMap::owner(BlockNumber granule, Half half) const {
  if (marks_.first(granule)) {
    if (half == Half::kSecond || granule == 0) return kNowhere;
    --granule;
  }
  const BlockNumber start = start_at_or_before(granule);
  return start == kNowhere || !marks_.second(start) ? kNowhere : start;
}

BlockMap::Found BlockMap::find(Place place) const {
  if (place.number == kNowhere) return {};
  if (is_mapped(place.number)) return {place.number, place.aligned};
  // The word before a chunk's size is still its neighbour's; the size itself is nobody's.
  const BlockNumber own = place.number + 1;
  if (place.second_half && own < granules_ && marks_.first(own)) return {};
  const BlockNumber start = start_at_or_before(place.number);
  if (start == kNowhere || !marks_.second(start)) return {};
  return {start, place.aligned && start == place.number};
}

const BlockMap::Ground* BlockMap::ground_around(BlockNumber number) const {
  const auto behind = std::upper_bound(ground_.begin(), ground_.end(), number,
                                       [](BlockNumber n, const Ground& g) { return n < g.first; });
  return behind == ground_.begin() ? nullptr : &*std::prev(behind);
}

Range BlockMap::chunk(BlockNumber block) const {
  if (is_mapped(block)) return mapped_[mapped_index(block)];
  const Ground* const ground = ground_around(block);
  const Address start = ground->range.start + kGranule * (block - ground->first);
  // Up to where the next one begins.
  const auto& words = marks_.words();
  std::size_t word = block >> 6;
  std::uint64_t bits =
      (block & 63) == 63 ? 0 : words[word].first & (~std::uint64_t{0} << ((block & 63) + 1));
  while (bits == 0 && ++word < words.size()) bits = words[word].first;
  if (bits == 0) return {start, ground->range.end};
  const auto next =
      static_cast<BlockNumber>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
  return {start, std::min(start + kGranule * (next - block), ground->range.end)};
}

Bytes BlockMap::usable(BlockNumber block) const {
  const Bytes room = chunk(block).end - user(block);
  // The next chunk's first word is an arena's block's own, where there is a next one.
  return is_mapped(block) ? saturating_sub(room, mapped_tail_) : room + 8_B;
}

Address BlockMap::user(BlockNumber block) const {
  const Address header =
      is_mapped(block) ? mapped_headers_[mapped_index(block)] : chunk(block).start;
  return header + glibc::kHeader;
}

}  // namespace strata
