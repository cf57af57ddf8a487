// malloc/census.h - what is live and what is free, counted.
// Source  the states of all blocks, read as they stand: threads that go on meanwhile make the sums
// a
//         little untrue, and nothing else.
// Units   bytes, of blocks as they are, not as they were asked for.
// Cost    a byte read for each granule of blocks: some 10 ms a GiB.
// Threads any number at once.
#pragma once

#include <cstddef>

#include "malloc/size_class.h"

namespace strata::alloc {

struct Count {
  std::size_t blocks = 0, bytes = 0;
};

struct Census {
  Count live[kClasses];  ///< by class
  Count cached;          ///< free, in threads' caches
  Count free;            ///< free, in spans
  Count live_runs, free_runs;
  std::size_t uncut = 0;   ///< in spans, never part of a block
  std::size_t system = 0;  ///< taken from the kernel for blocks and runs, as address space
  std::size_t beside = 0;  ///< and beside them
  std::size_t dirty = 0;   ///< of units and runs that are free, with their memory still there
  std::size_t arenas = 0;  ///< of threads
  std::size_t heaps = 0;   ///< records of named ones, also of such as were destroyed

  Count all_live() const;
};

/// Into the caller's own, for it is large.
void take_census(Census& census);

}  // namespace strata::alloc
