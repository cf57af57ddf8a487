// inspect/heap/glibc/parameters.h - malloc_par: what holds for the whole process, and its counters.
//
//     [trim_threshold top_pad mmap_threshold arena_test arena_max][huge pages …]
//     [n_mmaps n_mmaps_max max_n_mmaps no_dyn_threshold][mmapped max_mmapped][sbrk_base]
//     [tcache_bins tcache_max_bytes tcache_count …]
//
// What stands between arena_max and n_mmaps grew with 2.35 and 2.43; the place and the shape that
// fit what the fields must be are taken, no version is asked.
//
// Source  glibc malloc/malloc.c (malloc_par), malloc/arena.c (ptmalloc_init).
// Errors  none: absent where no place would fit, or more than one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/peek.h"

namespace strata::glibc {

struct Parameters {
  Address sbrk_base;  ///< 0 where brk was never asked
  Bytes trim_threshold;
  Bytes top_pad;
  Bytes mmap_threshold;
  /// Whether freeing a larger mmapped chunk moves both thresholds; not once one of them was set.
  bool thresholds_move = true;
  std::uint64_t arena_max = 0;  ///< 0: eight for each core, from 2.44 on one and at least 8
  Bytes thp_page;               ///< huge pages are asked for by madvise where not 0
  std::uint32_t mmapped_chunks = 0;
  std::uint32_t most_mmapped_chunks = 0;  ///< at the same time, so far
  std::uint32_t mmapped_limit = 0;
  Bytes mmapped_bytes;
  /// From 2.43 on each mremap() adds 16 bytes to it that are not mapped.
  bool mmapped_bytes_drift = false;
  Bytes most_mmapped_bytes;
  Bytes cached_below;             ///< a thread's cache takes chunks up to about this size
  std::uint64_t cached_each = 0;  ///< and so many of each size
};

/// The malloc_par in the static data that main_arena was found in.
std::optional<Parameters> find_parameters(const std::vector<StaticWords>& statics,
                                          const AnonymousMemory& memory);

}  // namespace strata::glibc
