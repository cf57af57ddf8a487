// inspect/heap/glibc/tally.h - chunks counted while they pass: by arena and state, by size, by bin.
// Cost    some 200 KiB, and 56 bytes for each size above 64 KiB that occurs, for at most 65,536.
// Threads one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "inspect/heap/glibc/chunk.h"
#include "inspect/heap/glibc/heap.h"

namespace strata::glibc {

/// The bin that a free chunk of `size` belongs into once it is sorted: 2 to 126.
std::size_t bin_of(Bytes size);

/// How many chunks of one size are in each state.
using ByState = std::array<std::uint64_t, kChunkStates>;

/// A run of free chunks, and the chunks that keep it from joining with others.
struct Hole {
  Range range;
  Chunk before, after;  ///< empty at a region's ends
};

struct ArenaTally {
  std::array<ListCount, kChunkStates> states;
  std::array<ListCount, 128> bins;  ///< by number; 1 is the unsorted one
  Chunk last_live;                  ///< the highest one in the region of its top
  Bytes free_below_it;              ///< binned, in the same region

  const ListCount& of(ChunkState state) const { return states[static_cast<std::size_t>(state)]; }
};

class Tally {
 public:
  explicit Tally(std::size_t arenas) : arenas_(arenas) {}

  void add(std::size_t arena, const Chunk& chunk, const Heap& heap);
  void add_hole(const Hole& hole);

  const ArenaTally& arena(std::size_t index) const { return arenas_[index]; }
  ArenaTally& arena(std::size_t index) { return arenas_[index]; }
  /// By size; what is beyond the limit of sizes told apart is under size 0.
  std::map<Bytes, ByState> sizes() const;
  /// The widest first.
  const std::vector<Hole>& holes() const { return holes_; }

  static constexpr std::size_t kHoles = 16;

 private:
  static constexpr std::size_t kSmallSizes = 4096;  // below 64 KiB, by 16
  static constexpr std::size_t kMostLargeSizes = 65536;

  std::vector<ArenaTally> arenas_;
  std::array<ByState, kSmallSizes> small_{};
  std::map<Bytes, ByState> large_;
  std::vector<Hole> holes_;
};

}  // namespace strata::glibc
