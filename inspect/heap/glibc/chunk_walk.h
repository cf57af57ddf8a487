// inspect/heap/glibc/chunk_walk.h - every chunk of one region, in address order.
//
//     chunks ─▶ [live][binned][live][cached][live] … [top]      by their sizes, each from the last
//
// Where the chain of sizes breaks (written over, not resident, someone else's memory between two
// calls of brk) what follows is lost until a place is found from which a chain leads on that holds.
//
// Cost    One header a chunk; some 20 ns each beside reading. What is searched for a new beginning
//         is bounded for each walk.
// Errors  none: kLost chunks, and what broke in the Heap's damage.
// Threads one at a time.
#pragma once

#include "inspect/heap/glibc/chunk.h"
#include "inspect/heap/glibc/heap.h"
#include "inspect/heap/glibc/window.h"

namespace strata::glibc {

class ChunkWalk {
 public:
  /// `heap` is told of damage. All must outlive it.
  ChunkWalk(Window& window, Heap& heap, const Arena& arena, const Region& region);

  /// The next chunk; false at the region's end. Together they cover the region without a gap.
  bool next(Chunk& chunk);

 private:
  bool take(Chunk& chunk, Bytes size, ChunkState state);
  bool take_top(Chunk& chunk);
  bool lose(Chunk& chunk);
  bool end_in_fences(Chunk& chunk, Bytes size);
  bool is_sound(Address at, std::uint64_t word) const;
  ChunkState state_of(Address chunk, std::uint64_t next_word) const;
  void report_size(std::uint64_t word);
  Address find_chain(Address from);
  bool chain_holds(Address from);

  Window& window_;
  Heap& heap_;
  const Arena& arena_;
  Address at_, end_, top_;
  Address before_;  // the chunk that was last taken
  bool is_behind_fence_ = false;
  std::uint64_t searched_ = 0;
};

}  // namespace strata::glibc
