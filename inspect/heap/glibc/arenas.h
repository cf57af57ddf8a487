// inspect/heap/glibc/arenas.h - the regions that glibc's arenas consist of.
//
//     main arena     [sbrk_base … chunks … top]                       the brk area
//                    [chunks … fence], [chunks … top]                 mappings, where brk failed
//     another arena  [heap_info|malloc_state|chunks … | reserved ]    64 MiB, aligned to it
//                    [heap_info|chunks … top        | reserved ]      linked by prev
//                                                   mprotect_size
//
// Source  glibc malloc/arena.c (heap_info, new_heap), malloc/malloc.c (sysmalloc).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inspect/heap/glibc/layout.h"
#include "inspect/heap/glibc/parameters.h"

namespace strata::glibc {

struct Region {
  Range range;   ///< with what is reserved behind them
  Range chunks;  ///< from the first chunk to the end of the top, or of the last fence
  std::string evidence;
};

/// The sub-heaps of one arena, the reserved rest with them.
struct SubHeaps {
  std::vector<Region> regions;
  /// Where the chain from its top back to its first sub-heap does not hold; then the regions are
  /// those that name the arena themselves.
  struct Broken {
    Address at;
    std::string what;
  };
  std::optional<Broken> broken;
};

/// Of the arena whose malloc_state lies at `state`.
SubHeaps find_sub_heaps(Peek& peek, const AnonymousMemory& memory, Layout layout, Address state);

/// Where a malloc_state must lie by the word of the first sub-heap around it, by address; for where
/// the ring of arenas is broken.
std::vector<Address> find_first_sub_heaps(Peek& peek, const AnonymousMemory& memory);

/// Where the main arena's chunks lie. `notes` is told of what its own count has and this has not.
std::vector<Region> find_main_regions(Peek& peek, const Space& space, const AnonymousMemory& memory,
                                      const MainArena& arena,
                                      const std::optional<Parameters>& parameters,
                                      std::vector<std::string>& notes);

}  // namespace strata::glibc
