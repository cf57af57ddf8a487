// inspect/object/references.h - which blocks the words of each block lead to.
//
// While a heap is walked nothing is known yet of where blocks begin, so each word that leads into
// the heap is kept with the granule that it stands in, whatever that is a part of. Once all blocks
// are known, what stands in no live block or leads to none is dropped.
//
//     kept       by address      [granule in its page | place it leads to] …
//     resolved   by block        [granule in its page | block, exact or not] …
//     first      of each page    where its words begin
//
// Cost    6 bytes a word that is kept, 4 for each page of the heap.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/grown_array.h"
#include "inspect/object/block_map.h"

namespace strata {

class References {
 public:
  explicit References(const BlockMap& map)
      : map_(map),
        first_(map.granules() / BlockMap::kPageGranules + 2),
        apart_first_(map.apart().size() + 1) {}

  /// What was found in a part of memory, to be added in its turn.
  class Batch;
  /// Puts behind what `batch` holds what it finds in the words of parts of shared ground, or of
  /// a block that lies apart, that begin at `from`. By several threads at once, each with its own
  /// batch.
  void scan(Address from, std::span<const std::uint64_t> words, Batch& batch) const;
  void scan_apart(std::span<const std::uint64_t> words, Batch& batch) const;
  /// Of shared ground in address order, no address twice.
  void add(const Batch& batch);
  /// Of blocks that lie apart: all of one before those of the next one.
  void add_apart(std::size_t chunk, const Batch& batch);
  /// Whether there were more words than can be numbered, and some were left out.
  bool is_full() const { return is_full_; }
  /// When all were added, and every block is in the map.
  void resolve();

  /// Calls `seen` with what each word of `block` leads to.
  template <class Seen>
  void of(BlockNumber block, Seen&& seen) const {
    if (map_.is_apart(block)) {
      const std::size_t index = map_.apart_index(block);
      for (std::size_t i = apart_first_[index]; i < apart_first_[index + 1]; ++i) {
        seen(found(apart_[i]));
      }
      return;
    }
    // What stands in a block's granules is its own; resolve() has left nothing else there, and put
    // the word that it has of the next one's first granule into its last.
    const BlockNumber end = map_.end(block);
    std::size_t page = block / BlockMap::kPageGranules;
    for (std::size_t i = first_[page]; i < words_.size(); ++i) {
      while (first_[page + 1] <= i) ++page;
      const auto at = static_cast<BlockNumber>(page * BlockMap::kPageGranules + words_[i].granule);
      if (at < block) continue;
      if (at >= end) break;
      seen(found(words_[i]));
    }
  }
  /// Before of() is called of a block soon.
  void prefetch(BlockNumber block) const {
    if (map_.is_apart(block)) return;
    words_.prefetch(first_[block / BlockMap::kPageGranules]);
  }

 private:
  static constexpr std::uint8_t kAligned = 1, kSecondHalf = 2, kSecondWord = 4, kExact = 8;
  struct Word {
    BlockNumber leads_to;
    std::uint8_t granule;  // in its page
    std::uint8_t flags;
  } __attribute__((packed));

  static BlockMap::Place place(const Word& word) {
    return {word.leads_to, (word.flags & kAligned) != 0, (word.flags & kSecondHalf) != 0};
  }
  static BlockMap::Found found(const Word& word) {
    return {word.leads_to, (word.flags & kExact) != 0};
  }
  bool keep(std::uint64_t word, std::uint8_t granule, std::uint8_t flags,
            std::vector<Word>& in) const;
  void resolve_words();
  void resolve_apart();
  /// Puts in place of where `word` leads the block that is there; false where there is none.
  bool resolve(Word& word) const;

  const BlockMap& map_;
  GrownArray<Word> words_;            // by where they stand
  std::vector<std::uint32_t> first_;  // of each page
  std::size_t page_ = 0;              // the last one that has its first
  GrownArray<Word> apart_;
  std::vector<std::size_t> apart_first_;
  bool is_full_ = false;
};

class References::Batch {
 public:
  void clear() {
    words_.clear();
    pages_.clear();
  }

 private:
  friend References;
  struct Page {
    std::uint32_t page, first;  // of its words
  };
  std::vector<Word> words_;
  std::vector<Page> pages_;  // that have words
};

}  // namespace strata
