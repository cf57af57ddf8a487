// inspect/object/block_map.h - which block an address lies in, for every block of a heap.
//
//     ground    |-- region --|   |---- region ----|      [mapped]  [mapped]
//     number    0 … granules …   256-aligned …           one each, behind all granules
//     starts    1..1...1.1....   1...1.....1......       a bit where a chunk begins
//     live      1..0...1.0....   1...0.....1......       of those, the ones that the program has
//
// A block is named by the number of its first granule of 16 bytes, in 32 bits: enough for 64 GiB of
// arenas. An address belongs to a block where the user may write: from behind its header up to and
// with the first word of the next chunk.
//
// Cost    1/64 of the heap and 1/4096 of it for the summary.
// Threads find() may be called by several at once.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "inspect/heap/glibc/chunk.h"
#include "inspect/heap/glibc/heap.h"

namespace strata {

using BlockNumber = std::uint32_t;

/// One bit for each granule.
class GranuleBits {
 public:
  GranuleBits() = default;
  explicit GranuleBits(std::size_t granules) : words_((granules + 63) / 64) {}
  bool test(BlockNumber n) const { return (words_[n >> 6] >> (n & 63) & 1) != 0; }
  void set(BlockNumber n) { words_[n >> 6] |= std::uint64_t{1} << (n & 63); }
  /// False where it was set already.
  bool insert(BlockNumber n) {
    if (test(n)) return false;
    set(n);
    return true;
  }
  const std::vector<std::uint64_t>& words() const { return words_; }
  std::uint64_t word(std::size_t i) const { return words_[i]; }

 private:
  std::vector<std::uint64_t> words_;
};

class BlockMap {
 public:
  static constexpr BlockNumber kNowhere = ~BlockNumber{0};
  static constexpr std::uint32_t kPageGranules = 256;  ///< a page of 4 KiB

  /// Of the arenas and mapped chunks of `heap`; nullopt where they are larger than can be numbered.
  static std::optional<BlockMap> make(const glibc::Heap& heap);

  /// In address order within a region; also what is not live, so that it ends what is before.
  void add(const glibc::Chunk& chunk);

  /// Where a pointer leads, before it is known where blocks begin.
  struct Place {
    BlockNumber number = kNowhere;  ///< the granule 16 bytes before it, or a mapped chunk
    bool aligned = false;           ///< it can be the start of a block's user bytes
    bool second_half = false;       ///< of its granule
  };
  Place place_of(std::uint64_t pointer) const;

  struct Found {
    BlockNumber block = kNowhere;
    bool exact = false;  ///< it leads to the very start
  };
  /// The live block that a place is in; kNowhere where it is in none.
  Found find(Place place) const;

  bool is_mapped(BlockNumber block) const { return block >= granules_; }
  std::size_t mapped_index(BlockNumber block) const { return block - granules_; }
  BlockNumber mapped_block(std::size_t index) const {
    return granules_ + static_cast<BlockNumber>(index);
  }
  Range chunk(BlockNumber block) const;
  Address user(BlockNumber block) const;
  BlockNumber number_of(Address granule) const;

  /// All numbers, blocks or not.
  std::size_t size() const { return granules_ + mapped_.size(); }
  BlockNumber granules() const { return granules_; }
  const GranuleBits& live() const { return live_; }
  const std::vector<Range>& mapped() const { return mapped_; }
  /// Bands of addresses that hold all blocks: what is outside of them is no pointer to one.
  const std::vector<Range>& bands() const { return bands_; }

 private:
  struct Ground {
    Range range;
    BlockNumber first;
  };

  BlockNumber start_at_or_before(BlockNumber granule) const;
  const Ground* ground_around(BlockNumber number) const;

  std::vector<Ground> ground_;  // by address
  std::vector<Range> mapped_;   // chunks with a mapping of their own, from their header on
  std::vector<Range> bands_;
  BlockNumber granules_ = 0;
  GranuleBits starts_, live_;
  GranuleBits summary_;  // which words of starts_ are not 0
};

}  // namespace strata
