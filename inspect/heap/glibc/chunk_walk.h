// inspect/heap/glibc/chunk_walk.h - every chunk of one region, in address order.
//
//     chunks ─▶ [live][binned][live][cached][live] … [top]      by their sizes, each from the last
//
// Where the chain of sizes breaks (written over, not resident, someone else's memory between two
// calls of brk) what follows is lost until a place is found from which a chain leads on that holds.
//
// What says that a chunk is free are three: the bit of the next one, the size before that, and its
// links. Where they disagree two have it against one, and the one is damage.
//
// Cost    One header a chunk; some 20 ns each beside reading. What is searched for a new beginning
//         is bounded for all regions together (Heap::searched).
// Errors  none: kLost chunks, and what broke in the Heap's damage.
// Threads one at a time.
#pragma once

#include <optional>
#include <string>

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
  /// The first of the user's bytes of the chunk that it gave last, if that is free or small enough
  /// for a fast bin: where it leads if it stands in a list. 0 where it cannot be read.
  std::uint64_t first_word() const { return first_word_; }

 private:
  bool take(Chunk& chunk, Bytes size, ChunkState state);
  bool take_top(Chunk& chunk);
  bool lose(Chunk& chunk);
  bool lose_absent(Chunk& chunk);
  bool end_in_fences(Chunk& chunk, Bytes size);
  bool is_sound(Address at, std::uint64_t word) const;
  bool can_follow(Address at, std::uint64_t word) const;
  bool is_free(Bytes size, std::uint64_t word, const std::optional<Window::Header>& at_hand,
               const Window::Header& next);
  bool misleads(Address behind);
  ChunkState state_in_lists(Address chunk) const;
  void check_flags(std::uint64_t word, ChunkState state);
  bool leads_well(Address link, Bytes size) const;
  void report(Address at, std::string what, const char* cause);
  void report_size(std::uint64_t word);
  Address find_chain(Address from);
  bool chain_holds(Address from, Address past);

  Window& window_;
  Heap& heap_;
  const Arena& arena_;
  Address at_, end_, top_;
  Range bins_;      // of the arena, as links lead to them
  Address before_;  // the chunk that was last taken
  std::uint64_t first_word_ = 0;
  bool is_first_ = true;  // nothing was taken or lost
  bool is_behind_fence_ = false;
};

}  // namespace strata::glibc
