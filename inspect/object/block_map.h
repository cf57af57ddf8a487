// inspect/object/block_map.h - which block an address lies in, for every block of a heap.
//
//     ground    |-- shared --|   |---- shared ----|      [apart]  [apart]
//     number    0 … granules …   256-aligned …           one each, behind all granules
//     starts    1..1...1.1....   1...1.....1......       a bit where a chunk begins
//     live      1..0...1.0....   1...0.....1......       of those, the ones that the program has
//
// A chunk is a block with what its allocator keeps beside it. It is named by the number of its
// first granule of 16 bytes, in 32 bits: enough for 64 GiB of shared ground. An address belongs to
// a block where the user may write: all of it, or, where blocks have headers, from behind its
// header up to and with the first word of the next chunk.
//
// Cost    1/64 of the heap and 1/4096 of it for the summary.
// Threads find() may be called by several at once.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/units.h"
#include "inspect/object/bands.h"
#include "inspect/object/zeroed_array.h"

namespace strata {

using BlockNumber = std::uint32_t;

/// Two bits for each number, side by side, as they are mostly asked for together.
class BitPairs {
 public:
  struct Word {
    std::uint64_t first, second;
  };

  BitPairs() = default;
  explicit BitPairs(std::size_t numbers) : words_((numbers + 63) / 64) {}
  bool first(BlockNumber n) const { return (words_[n >> 6].first & bit(n)) != 0; }
  bool second(BlockNumber n) const { return (words_[n >> 6].second & bit(n)) != 0; }
  void set_first(BlockNumber n) { words_[n >> 6].first |= bit(n); }
  void clear_second(BlockNumber n) { words_[n >> 6].second &= ~bit(n); }
  void set_second(BlockNumber n) { words_[n >> 6].second |= bit(n); }
  void prefetch(BlockNumber n) const { __builtin_prefetch(&words_[n >> 6]); }
  const ZeroedArray<Word>& words() const { return words_; }

 private:
  static std::uint64_t bit(BlockNumber n) { return std::uint64_t{1} << (n & 63); }
  ZeroedArray<Word> words_;
};

/// Where a heap's blocks can be.
struct BlockGround {
  std::vector<Range> shared;  ///< by address: blocks side by side, without a gap
  std::vector<Range> apart;   ///< by address: each one live block, with a mapping or run of its own
  std::vector<Address> apart_users;  ///< of each, where the user's bytes begin
  Bytes apart_tail;                  ///< of each, behind the user's bytes
  /// kInBand: 16 bytes before the user's, of which the first 8 are the user's of the block before.
  enum class Headers { kNone, kInBand } headers = Headers::kNone;
};

class BlockMap {
 public:
  static constexpr BlockNumber kNowhere = ~BlockNumber{0};
  static constexpr std::uint32_t kPageGranules = 256;  ///< a page of 4 KiB

  /// nullopt where there is more ground than can be numbered.
  static std::optional<BlockMap> make(BlockGround ground);

  /// A chunk of shared ground begins there, in any order; also what is not live, so that it ends
  /// what is before.
  enum class Use { kLive, kNotLive };
  void add(Address chunk, Use use) {
    const BlockNumber number = number_of(chunk);
    if (number == kNowhere) return;
    marks_.set_first(number);
    summary_[number >> 12] |= std::uint64_t{1} << (number >> 6 & 63);
    if (use == Use::kLive) marks_.set_second(number);
  }
  /// One that was added as live is none of the program's.
  void free(Address chunk);

  /// Where a pointer leads, before it is known where blocks begin.
  struct Place {
    BlockNumber number = kNowhere;  ///< its granule less a header's, or of a block that lies apart
    bool aligned = false;           ///< it can be the start of a block's user bytes
    bool second_half = false;       ///< of its granule
  };
  Place place_of(std::uint64_t pointer) const {
    const Place place{number_of(Address{pointer - header_}), pointer % 16 == 0, pointer % 16 >= 8};
    return place.number != kNowhere || apart_.empty() ? place : place_apart_of(pointer);
  }

  bool is_placed(std::uint64_t pointer) const { return place_of(pointer).number != kNowhere; }

  struct Found {
    BlockNumber block = kNowhere;
    bool exact = false;  ///< it leads to the very start
  };
  /// The live block that a place is in; kNowhere where it is in none.
  Found find(Place place) const;

  bool is_apart(BlockNumber block) const { return block >= granules_; }
  std::size_t apart_index(BlockNumber block) const { return block - granules_; }
  BlockNumber apart_block(std::size_t index) const {
    return granules_ + static_cast<BlockNumber>(index);
  }
  Range chunk(BlockNumber block) const;
  /// The number behind a block of shared ground: the next chunk's, or of what ends the ground.
  BlockNumber end(BlockNumber block) const {
    return block + static_cast<BlockNumber>(chunk(block).size() / 16_B);
  }
  Address user(BlockNumber block) const;
  /// As malloc_usable_size() says.
  Bytes usable(BlockNumber block) const;
  BlockNumber number_of(Address granule) const {
    // Mostly the main arena.
    const Bytes offset = Bytes{granule.value - widest_.range.start.value};
    if (offset < widest_.range.size()) {
      return widest_.first + static_cast<BlockNumber>(offset / 16_B);
    }
    return look_up(granule);
  }

  /// All numbers, blocks or not.
  std::size_t size() const { return granules_ + apart_.size(); }
  BlockNumber granules() const { return granules_; }
  /// Which live block a granule belongs to, whose second word is asked for or its first: of a
  /// header the second is nobody's, its first the chunk's before it.
  enum class Half { kFirst, kSecond };
  BlockNumber owner(BlockNumber granule, Half half) const;
  /// Before find() is called of a place soon.
  void prefetch(Place place) const {
    if (place.number < granules_) marks_.prefetch(place.number);
  }

  /// Calls `act` for each live block, those that lie apart last.
  template <class Act>
  void each_live(Act&& act) const {
    const auto& words = marks_.words();
    for (std::size_t i = 0; i < words.size(); ++i) {
      for (std::uint64_t bits = words[i].second; bits != 0; bits &= bits - 1) {
        act(static_cast<BlockNumber>(i * 64 + static_cast<std::size_t>(std::countr_zero(bits))));
      }
    }
    for (std::size_t i = 0; i < apart_.size(); ++i) act(apart_block(i));
  }
  const std::vector<Range>& apart() const { return apart_; }
  const Bands& bands() const { return bands_; }

 private:
  struct Ground {
    Range range;
    BlockNumber first;
  };

  Place place_apart_of(std::uint64_t pointer) const;
  BlockNumber look_up(Address granule) const;
  BlockNumber start_at_or_before(BlockNumber granule) const;
  const Ground* ground_around(BlockNumber number) const;

  std::vector<Ground> ground_;  // by address
  Ground widest_{};             // of them
  std::vector<Range> apart_;    // as BlockGround has them
  std::vector<Address> apart_users_;
  Bytes apart_tail_;
  std::uint64_t header_ = 0;
  Bands bands_;
  BlockNumber granules_ = 0;
  BitPairs marks_;                      // where chunks start; of those the live ones
  std::vector<std::uint64_t> summary_;  // which words of marks_ have a start
};

}  // namespace strata
