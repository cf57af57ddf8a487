// inspect/object/references.h - the words of blocks that could lead to blocks, as they were read.
//
// While a heap is walked nothing is known yet of where blocks begin, so each word that leads into
// the heap is kept with the granule that it stands in, whatever that is a part of. Afterwards the
// words of a block are those of its granules.
//
// Cost    6 bytes a word that is kept, 4 for each page of the heap.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "inspect/object/block_map.h"

namespace strata {

class References {
 public:
  explicit References(const BlockMap& map)
      : map_(map),
        first_(map.granules() / BlockMap::kPageGranules + 1),
        mapped_first_(map.mapped().size() + 1) {}

  /// The words of a part of an arena's region, in address order, no address twice.
  void add(Address from, std::span<const std::uint64_t> words);
  /// The words of a mapped chunk; all of a chunk before those of the next one.
  void add_mapped(std::size_t chunk, std::span<const std::uint64_t> words);
  /// When all were added.
  void finish();

  /// Calls `seen` with where each word of `block` leads.
  template <class Seen>
  void of(BlockNumber block, Seen&& seen) const {
    if (map_.is_mapped(block)) {
      const std::size_t index = map_.mapped_index(block);
      for (std::size_t i = mapped_first_[index]; i < mapped_first_[index + 1]; ++i) {
        seen(place(mapped_[i]));
      }
      return;
    }
    const Range chunk = map_.chunk(block);
    const auto granules = static_cast<BlockNumber>(chunk.size() / 16_B);
    // From behind the header up to and with the next one's first word.
    const BlockNumber begin = block + 1, end = block + granules;
    std::size_t page = begin / BlockMap::kPageGranules;
    for (std::size_t i = first_[page]; i < words_.size(); ++i) {
      while (page + 1 < first_.size() && first_[page + 1] <= i) ++page;
      const auto at = static_cast<BlockNumber>(page * BlockMap::kPageGranules + words_[i].granule);
      if (at < begin) continue;
      if (at > end || (at == end && (words_[i].flags & kSecondWord) != 0)) break;
      seen(place(words_[i]));
    }
  }

  std::size_t size() const { return words_.size() + mapped_.size(); }

 private:
  static constexpr std::uint8_t kAligned = 1, kSecondHalf = 2, kSecondWord = 4;
  struct Word {
    BlockNumber leads_to;
    std::uint8_t granule;  // in its page
    std::uint8_t flags;
  } __attribute__((packed));

  static BlockMap::Place place(const Word& word) {
    return {word.leads_to, (word.flags & kAligned) != 0, (word.flags & kSecondHalf) != 0};
  }
  const BlockMap& map_;
  std::vector<Word> words_;           // by where they stand
  std::vector<std::uint32_t> first_;  // of each page
  std::size_t page_ = 0;              // the last one that has its first
  std::vector<Word> mapped_;
  std::vector<std::size_t> mapped_first_;
};

}  // namespace strata
