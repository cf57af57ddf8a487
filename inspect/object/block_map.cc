#include "inspect/object/block_map.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace strata {
namespace {

constexpr Bytes kGranule = 16_B;

}  // namespace

std::optional<BlockMap> BlockMap::make(BlockGround ground) {
  BlockMap map;
  std::uint64_t granules = 0;
  for (const Range& range : ground.shared) {
    map.ground_.push_back({range, static_cast<BlockNumber>(granules)});
    granules += (range.size() / kGranule + kPageGranules) / kPageGranules * kPageGranules;
    if (granules + ground.apart.size() >= kNowhere) return std::nullopt;
    if (range.size() > map.widest_.range.size()) map.widest_ = map.ground_.back();
  }
  map.granules_ = static_cast<BlockNumber>(granules);
  std::vector<Range> all = std::move(ground.shared);
  all.insert(all.end(), ground.apart.begin(), ground.apart.end());
  map.bands_ = Bands(std::move(all));
  map.apart_ = std::move(ground.apart);
  map.apart_users_ = std::move(ground.apart_users);
  map.apart_tail_ = ground.apart_tail;
  if (ground.headers == BlockGround::Headers::kInBand) map.header_ = kGranule.value;
  map.marks_ = BitPairs(granules);
  map.summary_.resize(map.marks_.words().size() / 64 + 1);
  return map;
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

BlockMap::Place BlockMap::place_apart_of(std::uint64_t pointer) const {
  const Address address{pointer};
  const auto behind = std::upper_bound(apart_users_.begin(), apart_users_.end(), address);
  if (behind == apart_users_.begin()) return {};
  const auto index = static_cast<std::size_t>(std::prev(behind) - apart_users_.begin());
  if (!apart_[index].contains(address)) return {};
  return {apart_block(index), address == apart_users_[index], false};
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
  if (header_ != 0 && marks_.first(granule)) {
    if (half == Half::kSecond || granule == 0) return kNowhere;
    --granule;
  }
  const BlockNumber start = start_at_or_before(granule);
  return start == kNowhere || !marks_.second(start) ? kNowhere : start;
}

BlockMap::Found BlockMap::find(Place place) const {
  if (place.number == kNowhere) return {};
  if (is_apart(place.number)) return {place.number, place.aligned};
  if (header_ != 0 && place.second_half) {
    // The word before a chunk's size is still its neighbour's; the size itself is nobody's.
    const BlockNumber own = place.number + 1;
    if (own < granules_ && marks_.first(own)) return {};
  }
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
  if (is_apart(block)) return apart_[apart_index(block)];
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
  // The next chunk's first word is a block's own, where chunks have headers.
  return is_apart(block) ? saturating_sub(room, apart_tail_) : room + Bytes{header_ / 2};
}

Address BlockMap::user(BlockNumber block) const {
  return is_apart(block) ? apart_users_[apart_index(block)] : chunk(block).start + Bytes{header_};
}

}  // namespace strata
