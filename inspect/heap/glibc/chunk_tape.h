// inspect/heap/glibc/chunk_tape.h - every chunk of a walk, recorded to be looked at when it is
// over. The target is read once, and stands no longer than that takes; and what stands in fast bins
// is known when all have passed. So chunks are put down while they pass, no larger than they must
// be.
//
//     a chunk   [more|size / 16: 4 bits|state: 3 bits] [more|7 bits] …
//
// Addresses follow from sizes. A size that 16 does not divide is of a damaged heap, and is put down
// in two entries: the code kUneven with the state, then the size itself.
//
// Cost    One byte for a chunk below 256 bytes, two below 32 KiB: 10 million take 10 to 20 MB.
// Threads one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "inspect/heap/glibc/chunk.h"
#include "inspect/heap/granule_set.h"

namespace strata::glibc {

class ChunkTape {
 public:
  /// Half a thousand million chunks.
  static constexpr Bytes kMost = 1_GiB;

  /// What passes once there are `most` bytes is left out.
  explicit ChunkTape(Bytes most = kMost) : most_parts_(most.value / kPart) {}

  /// The chunks that pass from now on are `arena`'s, one behind the other from `start` on.
  void begin(std::size_t arena, Address start) { regions_.push_back({arena, start, size_}); }
  void pass(const Chunk& chunk) {
    if (kPart - used_ < kLongest && !add_part()) return;
    const std::uint64_t size = chunk.range.size().value;
    if (size % kUnit == 0) {
      put(static_cast<unsigned>(chunk.state), size / kUnit);
    } else {
      put(kUneven, static_cast<std::uint64_t>(chunk.state));
      put(0, size);
    }
    ++size_;
  }

  /// How many chunks are on it.
  std::uint64_t size() const { return size_; }
  bool is_cut() const { return is_cut_; }
  /// What it takes, whole parts at a time.
  Bytes cost() const { return Bytes{parts_.size() * kPart}; }

  struct Entry {
    std::size_t arena = 0;
    Chunk chunk;
  };

  /// Plays it, in the order in which chunks passed; it must outlive this and stay as it is.
  class Player {
   public:
    /// What was live and is in `fast` was in a fast bin.
    Player(const ChunkTape& tape, const GranuleSet& fast) : tape_(tape), fast_(fast) {}
    bool next(Entry& entry);

   private:
    std::uint64_t take(unsigned& code);

    const ChunkTape& tape_;
    const GranuleSet& fast_;
    std::size_t part_ = 0, used_ = 0;
    std::uint64_t passed_ = 0;
    std::size_t regions_begun_ = 0;
    std::size_t arena_ = 0;
    Address at_;
  };

 private:
  static constexpr std::uint64_t kUnit = 16;
  static constexpr unsigned kUneven = 7;
  static_assert(kChunkStates <= kUneven);
  static constexpr std::uint8_t kMore = 0x80;
  static constexpr std::size_t kPart = std::size_t{1} << 20;
  static constexpr std::size_t kLongest = 16;  // two entries: 1 byte, and 10 for 64 bits

  struct Region {
    std::size_t arena;
    Address start;
    std::uint64_t first;  // of its chunks, by number
  };
  using Part = std::array<std::uint8_t, kPart>;

  bool add_part();
  void put(unsigned code, std::uint64_t value) {
    std::uint8_t* const at = parts_.back()->data() + used_;
    std::size_t length = 0;
    std::uint64_t byte = code | (value & 0xF) << 3;
    for (value >>= 4; value != 0; value >>= 7) {
      at[length++] = static_cast<std::uint8_t>(byte | kMore);
      byte = value & 0x7F;
    }
    at[length++] = static_cast<std::uint8_t>(byte);
    used_ += length;
  }

  std::uint64_t most_parts_;
  std::vector<std::unique_ptr<Part>> parts_;  // each used until less than kLongest is left of it
  std::size_t used_ = kPart;                  // of the last
  std::vector<Region> regions_;
  std::uint64_t size_ = 0;
  bool is_cut_ = false;
};

}  // namespace strata::glibc
