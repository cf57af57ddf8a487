#include "inspect/object/block_map.h"

#include <algorithm>
#include <bit>

namespace strata {
namespace {

constexpr Bytes kGranule = 16_B;
// Ranges that lie closer together are one band.
constexpr Bytes kBandGap = 1_GiB;
constexpr std::size_t kMostBands = 4;

std::vector<Range> bands_of(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<Range> bands;
  for (const Range& range : ranges) {
    const bool joins = !bands.empty() &&
                       (range.start <= bands.back().end + kBandGap || bands.size() == kMostBands);
    if (joins) {
      bands.back().end = std::max(bands.back().end, range.end);
    } else {
      bands.push_back(range);
    }
  }
  return bands;
}

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
  }
  map.granules_ = static_cast<BlockNumber>(granules);
  map.mapped_ = heap.mmapped.chunks;
  all.insert(all.end(), map.mapped_.begin(), map.mapped_.end());
  map.bands_ = bands_of(std::move(all));
  map.starts_ = GranuleBits(granules);
  map.live_ = GranuleBits(granules);
  map.summary_ = GranuleBits(map.starts_.words().size());
  return map;
}

void BlockMap::add(const glibc::Chunk& chunk) {
  const BlockNumber number = number_of(chunk.range.start);
  if (number == kNowhere) return;
  starts_.set(number);
  summary_.set(number >> 6);
  if (chunk.state == glibc::ChunkState::kLive) live_.set(number);
}

BlockNumber BlockMap::number_of(Address granule) const {
  const auto behind =
      std::upper_bound(ground_.begin(), ground_.end(), granule,
                       [](Address a, const Ground& g) { return a < g.range.start; });
  if (behind == ground_.begin()) return kNowhere;
  const Ground& ground = *std::prev(behind);
  if (!ground.range.contains(granule)) return kNowhere;
  return ground.first + static_cast<BlockNumber>((granule - ground.range.start) / kGranule);
}

BlockMap::Place BlockMap::place_of(std::uint64_t pointer) const {
  const Address address{pointer};
  const Address before = address - kGranule;
  Place place{number_of(before), pointer % 16 == 0, pointer % 16 >= 8};
  if (place.number != kNowhere || mapped_.empty()) return place;
  const auto behind = std::upper_bound(mapped_.begin(), mapped_.end(), before,
                                       [](Address a, const Range& r) { return a < r.start; });
  if (behind == mapped_.begin() || !std::prev(behind)->contains(address)) return place;
  const auto index = static_cast<std::size_t>(std::prev(behind) - mapped_.begin());
  return {mapped_block(index), before == std::prev(behind)->start, false};
}

BlockNumber BlockMap::start_at_or_before(BlockNumber granule) const {
  std::size_t word = granule >> 6;
  std::uint64_t bits = starts_.word(word) & (~std::uint64_t{0} >> (63 - (granule & 63)));
  if (bits == 0) {
    if (word == 0) return kNowhere;
    --word;
    std::size_t above = word >> 6;
    std::uint64_t marked = summary_.word(above) & (~std::uint64_t{0} >> (63 - (word & 63)));
    while (marked == 0) {
      if (above == 0) return kNowhere;
      marked = summary_.word(--above);
    }
    word = above * 64 + static_cast<std::size_t>(63 - std::countl_zero(marked));
    bits = starts_.word(word);
  }
  return static_cast<BlockNumber>(word * 64) +
         static_cast<BlockNumber>(63 - std::countl_zero(bits));
}

BlockMap::Found BlockMap::find(Place place) const {
  if (place.number == kNowhere) return {};
  if (is_mapped(place.number)) return {place.number, place.aligned};
  // The word before a chunk's size is still its neighbour's; the size itself is nobody's.
  const BlockNumber own = place.number + 1;
  if (place.second_half && own < granules_ && starts_.test(own)) return {};
  const BlockNumber start = start_at_or_before(place.number);
  if (start == kNowhere || !live_.test(start)) return {};
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
  std::size_t word = block >> 6;
  std::uint64_t bits =
      (block & 63) == 63 ? 0 : starts_.word(word) & (~std::uint64_t{0} << ((block & 63) + 1));
  const std::size_t words = starts_.words().size();
  while (bits == 0 && ++word < words) bits = starts_.word(word);
  if (bits == 0) return {start, ground->range.end};
  const auto next = static_cast<BlockNumber>(word * 64 + std::countr_zero(bits));
  return {start, std::min(start + kGranule * (next - block), ground->range.end)};
}

Address BlockMap::user(BlockNumber block) const { return chunk(block).start + glibc::kHeader; }

}  // namespace strata
