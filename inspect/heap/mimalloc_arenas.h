// inspect/heap/mimalloc_arenas.h - the arenas of mimalloc 3 as they lie in memory.
//
//     arena   [base|size|kind|subprocess|(index)|slices|of them info|numa …|bitmaps … blocks …]
//                                │  ↑
//                                v  │ arenas[160]
//             subprocess record  [ … | … ]          in the library's static data
//
// An arena is one reservation of slices of 64 KiB, a gigabyte and more; blocks that do not fit one
// are mapped by themselves.
//
// Source  mimalloc 3.0 to 3.4: types.h (mi_arena_t, mi_memid_t, mi_subproc_t), arena.c.
#pragma once

#include <vector>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/peek.h"

namespace strata::mimalloc {

struct Arena {
  Range range;
  Address owner;  ///< the subprocess record
};

/// Those that name a record which lists them.
std::vector<Arena> find_arenas(Peek& peek, const AnonymousMemory& memory);

}  // namespace strata::mimalloc
