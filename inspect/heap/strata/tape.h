// inspect/heap/strata/tape.h - the Strata malloc's units and runs as they were read, kept small
// until they are claims: the target may run again by then.
//
//     units   [class 3, all live][class 7, mixed: 2 bits a block …][free] …      8 bytes each
//     runs    [live, 12 pages][free and dirty, 3][free and clean, 1] …           8 bytes each
//
// Cost    8 bytes a unit of 16 KiB and, where not all its blocks are alike, 2 bits for each: of
//         48-byte blocks that is 0.6 % of the heap. At most 1.2 GiB, for what a hostile target has.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "base/grown_array.h"
#include "inspect/heap/strata/tally.h"

namespace strata::strata_malloc {

/// kClean is free too, and its memory was given back.
enum class UnitKind : std::uint8_t { kSpan, kMixedSpan, kFree, kClean, kLost };

struct Unit {
  /// Places that `owner` has room for.
  static constexpr std::size_t kMostOwners = 65536;
  enum class OwnedBy : std::uint8_t { kUnknown, kArena, kHeap };

  std::uint32_t number = 0;
  std::uint16_t owner =
      0;  ///< of a span: the place of its arena, or named heap, in the table's list
  std::uint8_t size_class = 0;
  UnitKind kind : 3 = UnitKind::kFree;
  BlockState all : 3 = BlockState::kUncut;  ///< of a span whose blocks are alike
  OwnedBy owned_by : 2 = OwnedBy::kUnknown;

  std::optional<std::size_t> arena() const { return owner_if(OwnedBy::kArena); }
  std::optional<std::size_t> heap() const { return owner_if(OwnedBy::kHeap); }

 private:
  std::optional<std::size_t> owner_if(OwnedBy by) const {
    return owned_by == by ? std::optional<std::size_t>(owner) : std::nullopt;
  }
};
static_assert(sizeof(Unit) == 8);

/// kGuard is address space that must not be touched; no memory is behind it.
enum class RunKind : std::uint8_t { kLive, kDirty, kClean, kGuard, kLost };

struct Run {
  static constexpr std::uint16_t kNoHeap = 0xffff;

  std::uint32_t pages = 0;
  RunKind kind = RunKind::kLost;
  std::uint16_t heap = kNoHeap;  ///< of a live one: its named heap's place in the table's list
};
static_assert(sizeof(Run) == 8);

class Tape {
 public:
  static constexpr std::size_t kMostUnits = std::size_t{1} << 26;
  static constexpr std::size_t kMostWords = std::size_t{1} << 26;
  static constexpr std::size_t kMostRuns = std::size_t{1} << 24;
  static constexpr std::size_t kBlocksAWord = 32;

  /// False where there is no more room.
  bool add(Unit unit) {
    if (units_.size() >= kMostUnits) return false;
    units_.push_back(unit);
    return true;
  }
  bool add(Unit unit, std::span<const BlockState> blocks) {
    if (units_.size() >= kMostUnits || words_.size() + blocks.size() / kBlocksAWord >= kMostWords) {
      return false;
    }
    units_.push_back(unit);
    for (std::size_t i = 0; i < blocks.size(); i += kBlocksAWord) {
      const std::size_t count = std::min(kBlocksAWord, blocks.size() - i);
      std::uint64_t word = 0;
      for (std::size_t k = 0; k < count; ++k) {
        word |= static_cast<std::uint64_t>(blocks[i + k]) << (2 * k);
      }
      words_.push_back(word);
    }
    return true;
  }
  bool add(Run run) {
    if (runs_.size() >= kMostRuns) return false;
    runs_.push_back(run);
    return true;
  }
  void clear() {
    units_.clear();
    words_.clear();
    runs_.clear();
  }

  std::size_t units() const { return units_.size(); }
  std::size_t runs() const { return runs_.size(); }
  const Unit& unit(std::size_t i) const { return units_[i]; }
  const Run& run(std::size_t i) const { return runs_[i]; }
  /// Of the mixed unit whose words begin at `from`.
  BlockState block(std::size_t from, std::uint64_t number) const {
    const std::uint64_t word = words_[from + number / kBlocksAWord];
    return static_cast<BlockState>(word >> (2 * (number % kBlocksAWord)) & 3);
  }
  static std::size_t words_for(std::uint64_t blocks) {
    return (blocks + kBlocksAWord - 1) / kBlocksAWord;
  }

 private:
  GrownArray<Unit> units_;
  GrownArray<std::uint64_t> words_;
  GrownArray<Run> runs_;
};

}  // namespace strata::strata_malloc
