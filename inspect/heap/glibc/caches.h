// inspect/heap/glibc/caches.h - each thread's cache of freed chunks, found without symbols.
//
//     thread block (TLS) … [tcache] … [thread_arena] …      words among a thread's variables
//                             │             └▶ malloc_state
//                             └▶ [counts: 64][entries: 64]       2.30 to 2.41, a chunk of 0x290
//                                [slots left: 76][entries: 76]   2.42 on, a chunk of 0x300
//
// A word of a thread's static TLS that leads to the user's bytes of a chunk of one of these two
// sizes, all whose entries are empty or lead to chunks of the sizes that they are for, is its
// cache. Which variable it is need not be known.
//
// Source  glibc malloc/malloc.c (tcache_perthread_struct, tcache_entry).
#pragma once

#include "inspect/heap/glibc/heap.h"

namespace strata::glibc {

/// Finds the caches and marks what they hold; fills in which thread uses which arena, and how
/// links are stored.
void find_caches(Peek& peek, const Space& space, Heap& heap);

}  // namespace strata::glibc
