// inspect/heap/glibc/tally.h - chunks counted while they pass: by arena and state, by size, by bin.
// Cost    some 200 KiB, and 56 bytes for each size above 64 KiB that occurs, for at most 65,536.
// Threads one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
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

/// Neighbours in use, live or cached: what is free below them cannot join what is above.
///
///     … [in use][   free_below   ][in use][in use][ free or top …
///                                 └──── range ───┘
struct Holder {
  Range range;
  std::uint64_t chunks = 0;
  Chunk highest;
  Bytes free_below;  ///< down to what is next in use
};

struct ArenaTally {
  std::array<ListCount, kChunkStates> states;
  std::array<ListCount, 128> bins;  ///< by number; 1 is the unsorted one
  /// The highest in the region of its top, by address; below a fence there is none.
  std::deque<Holder> holders;

  const ListCount& of(ChunkState state) const { return states[static_cast<std::size_t>(state)]; }
};

class Tally {
 public:
  explicit Tally(std::size_t arenas) : arenas_(arenas), below_tops_(arenas) {}

  void add(std::size_t arena, const Chunk& chunk, const Heap& heap);
  /// A free chunk that was added, in whatever bin.
  void move_to_unsorted(std::size_t arena, Bytes size);
  void add_hole(const Hole& hole);

  const ArenaTally& arena(std::size_t index) const { return arenas_[index]; }
  /// By size; what is beyond the limit of sizes told apart is under size 0.
  std::map<Bytes, ByState> sizes() const;
  /// The widest first.
  const std::vector<Hole>& holes() const { return holes_; }

  static constexpr std::size_t kHoles = 16;
  static constexpr std::size_t kHolders = 8;

 private:
  static constexpr std::size_t kSmallSizes = 4096;  // below 64 KiB, by 16
  static constexpr std::size_t kMostLargeSizes = 65536;

  /// What lies in the region that an arena's top is in.
  struct BelowTop {
    std::optional<Range> chunks;  // of the region
    Bytes free;                   // since what was in use last
    bool in_use = false;          // the last chunk
  };
  void note_below_top(std::size_t arena, const Chunk& chunk, const Heap& heap);

  std::vector<ArenaTally> arenas_;
  std::vector<BelowTop> below_tops_;
  std::array<ByState, kSmallSizes> small_{};
  std::map<Bytes, ByState> large_;
  std::vector<Hole> holes_;
};

}  // namespace strata::glibc
