#include "inspect/object/references.h"

#include <algorithm>

namespace strata {
namespace {

/// Whether a word can be a pointer into one of the bands; most words are in none.
class Bands {
 public:
  explicit Bands(const std::vector<Range>& bands) {
    for (const Range& band : bands) {
      if (count_ == kMost) break;
      lowest_[count_] = band.start.value;
      span_[count_++] = band.size().value;
    }
  }
  bool contain(std::uint64_t word) const {
    for (std::size_t i = 0; i < count_; ++i) {
      if (word - lowest_[i] < span_[i]) return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t kMost = 4;
  std::uint64_t lowest_[kMost], span_[kMost];
  std::size_t count_ = 0;
};

}  // namespace

void References::add(Address from, std::span<const std::uint64_t> words) {
  const Bands bands(map_.bands());
  const BlockNumber first = map_.number_of(from);
  if (first == BlockMap::kNowhere) return;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!bands.contain(words[i])) continue;
    const BlockMap::Place place = map_.place_of(words[i]);
    if (place.number == BlockMap::kNowhere) continue;
    const BlockNumber at = first + static_cast<BlockNumber>(i / 2);
    const std::size_t page = at / BlockMap::kPageGranules;
    while (page_ < page) first_[++page_] = static_cast<std::uint32_t>(words_.size());
    const auto flags = static_cast<std::uint8_t>((place.aligned ? kAligned : 0) |
                                                 (place.second_half ? kSecondHalf : 0) |
                                                 (i % 2 != 0 ? kSecondWord : 0));
    words_.push_back(
        {place.number, static_cast<std::uint8_t>(at % BlockMap::kPageGranules), flags});
  }
}

void References::add_mapped(std::size_t chunk, std::span<const std::uint64_t> words) {
  const Bands bands(map_.bands());
  for (const std::uint64_t word : words) {
    if (!bands.contain(word)) continue;
    const BlockMap::Place place = map_.place_of(word);
    if (place.number == BlockMap::kNowhere) continue;
    const auto flags = static_cast<std::uint8_t>((place.aligned ? kAligned : 0) |
                                                 (place.second_half ? kSecondHalf : 0));
    mapped_.push_back({place.number, 0, flags});
  }
  mapped_first_[chunk + 1] = mapped_.size();
}

void References::finish() {
  while (page_ + 1 < first_.size()) first_[++page_] = static_cast<std::uint32_t>(words_.size());
  for (std::size_t i = 1; i < mapped_first_.size(); ++i) {
    mapped_first_[i] = std::max(mapped_first_[i], mapped_first_[i - 1]);
  }
}

}  // namespace strata
