// inspect/heap/strata/tally.h - how much of what a walk of the Strata malloc's heap has met.
// Units   bytes are of blocks: a class's size each, which is what malloc_usable_size() says.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/units.h"

namespace strata::strata_malloc {

enum class BlockState : std::uint8_t { kUncut, kLive, kCached, kFree };
inline constexpr std::size_t kBlockStates = 4;

struct Count {
  std::uint64_t blocks = 0;
  Bytes bytes;

  Count& operator+=(const Count& other) {
    blocks += other.blocks;
    bytes += other.bytes;
    return *this;
  }
  Count& operator-=(const Count& other) {
    blocks -= other.blocks;
    bytes -= other.bytes;
    return *this;
  }
};

using ByState = std::array<Count, kBlockStates>;

inline const Count& of_state(const ByState& states, BlockState state) {
  return states[static_cast<std::size_t>(state)];
}

/// Spans by how many of the blocks that they have room for are live.
enum class Fill : std::uint8_t {
  kNone,
  kBelowQuarter,
  kBelowHalf,
  kBelow3Quarters,
  kBelowAll,
  kAll
};
inline constexpr std::size_t kFills = 6;

constexpr Fill fill_of(std::uint64_t live, std::uint64_t blocks) {
  if (live == 0) return Fill::kNone;
  return live >= blocks ? Fill::kAll : static_cast<Fill>(1 + live * 4 / blocks);
}

struct ClassTally {
  std::uint64_t spans = 0;
  Bytes span_bytes;
  ByState states{};
  std::array<std::uint64_t, kFills> fills{};  ///< spans
  Bytes pinned;  ///< of free blocks: on pages that hold others too, so that nothing gives them back

  /// Of a part of what it counts.
  ClassTally& operator-=(const ClassTally& part) {
    spans -= part.spans;
    span_bytes -= part.span_bytes;
    for (std::size_t i = 0; i < kBlockStates; ++i) states[i] -= part.states[i];
    for (std::size_t i = 0; i < kFills; ++i) fills[i] -= part.fills[i];
    pinned -= part.pinned;
    return *this;
  }
};

struct ArenaTally {
  std::uint64_t spans = 0;
  Bytes span_bytes;
  ByState states{};
};

/// Of a named heap: what lies on its shelves is free, as what is in its spans.
struct HeapTally {
  std::uint64_t spans = 0;
  Bytes span_bytes;
  ByState states{};
  Count runs;

  Count live() const {
    Count all = of_state(states, BlockState::kLive);
    all += runs;
    return all;
  }
};

struct Tally {
  /// More owners than a heap can have are of a target that lies; their spans count in no arena.
  static constexpr std::size_t kMostArenas = 65536;
  /// Likewise; what is beyond is in `classes` alone.
  static constexpr std::size_t kMostHeapClasses = 65536;

  std::vector<ClassTally> classes;       ///< by class
  std::map<Address, ArenaTally> arenas;  ///< by address; of no named heap
  std::vector<HeapTally> heaps;          ///< as the table's
  /// Of named heaps' spans, which are in `classes` too; by the heap's place and the class.
  std::map<std::pair<std::size_t, std::uint8_t>, ClassTally> heap_classes;
  std::array<std::uint64_t, 2> free_units{};   ///< by zone: of no span, used before
  std::array<std::uint64_t, 2> clean_units{};  ///< of these: their memory was given back
  Count live_runs, moved_runs, free_runs;      ///< those of named heaps too
  Bytes dirty;                                 ///< of free runs: with their memory still there
  std::uint64_t odd = 0;                       ///< states that are none of their span's
  std::uint64_t miscounted = 0;                ///< spans that count other than their states say
  Bytes lost;                                  ///< spans or runs that could not be made out
  bool is_cut = false;                         ///< there was more than is kept or read of a heap

  ByState blocks() const {
    ByState all{};
    for (const ClassTally& c : classes) {
      for (std::size_t i = 0; i < kBlockStates; ++i) all[i] += c.states[i];
    }
    return all;
  }
};

}  // namespace strata::strata_malloc
