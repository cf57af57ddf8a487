// inspect/ledger/heap_figures.h - glibc's heap in figures: what its walk counted, beside what the
// ledger booked as resident. Sizes are of chunks, as glibc counts them; resident bytes are of
// pages. Of a core nothing is known to be resident, so there what the file holds stands in its
// place. Threads one at a time.
#pragma once

#include <vector>

#include "inspect/heap/glibc/blocks.h"
#include "inspect/ledger/explanation.h"

namespace strata {

/// Memory that malloc could hand out again, of one kind.
struct FreeFigures {
  std::uint64_t chunks = 0;
  Bytes bytes;
  Bytes resident;
  Bytes releasable;  ///< of resident: what malloc_trim(0) would give back

  Bytes pinned() const { return resident - releasable; }
  FreeFigures& operator+=(const FreeFigures& other);
};

struct ArenaFigures {
  std::string name;
  bool is_main = false;
  std::size_t index = 0;  ///< in Heap::arenas; of totals, without meaning
  Bytes system;           ///< as the arena itself counts
  Bytes reserved;         ///< of address space, beyond what is in use
  Bytes resident;
  std::uint64_t live_chunks = 0;
  Bytes live_bytes, live_resident;
  /// At most so much of the live bytes was not asked for; what was is not kept by glibc.
  Bytes rounding_at_most;
  FreeFigures cached, fast, binned, top;
  Bytes structures;  ///< arenas' own, and fences
  Bytes lost;        ///< not walked

  /// As mallinfo2(3) has it in fordblks: caches count as in use there.
  FreeFigures free() const;
  ArenaFigures& operator+=(const ArenaFigures& other);
};

struct HeapFigures {
  std::vector<ArenaFigures> arenas;
  ArenaFigures all;  ///< their sum, mmapped chunks left out; rounding is of all arenas alone
  std::uint64_t mmapped_chunks = 0;
  Bytes mmapped_bytes, mmapped_resident;
};

/// Of an explanation with a glibc.
HeapFigures heap_figures(const Explanation& explanation);

}  // namespace strata
