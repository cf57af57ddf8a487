// inspect/heap/glibc/mmapped.h - chunks that glibc gave a mapping of their own.
//
//     mapping  [0|size+2 … block …][0|size+2 … block …]      neighbours merge: step by size
//              ↑ chunk, page-aligned
//
// A header that steps exactly to a mapping's end is not there by chance; a program may still hold
// a copy of one. glibc counts its mapped chunks and their bytes (malloc_par), so where the count
// is known, what is claimed is what adds up to it (mmapped_choice.h).
//
// Cost    some 100 bytes a chunk, for at most 131,072 of them.
// Source  glibc malloc/malloc.c: sysmalloc_mmap, mmap_chunk; 2.43: mmap_set_chunk, whose size
//         leaves out the 16 bytes of the header.
#pragma once

#include <string>
#include <vector>

#include "inspect/heap/glibc/layout.h"
#include "inspect/heap/glibc/parameters.h"

namespace strata::glibc {

struct MmappedChunks {
  std::vector<Range> chunks;     ///< whole mappings or parts of one, by address
  std::vector<Address> headers;  ///< of each; behind its start where memalign() made it
  std::string evidence;
  std::vector<std::string> notes;
};

/// `claimed` are the regions known to be others', by address.
MmappedChunks find_mmapped(Peek& peek, const Space& space, const AnonymousMemory& memory,
                           const std::vector<Range>& claimed,
                           const std::optional<Parameters>& parameters);

}  // namespace strata::glibc
