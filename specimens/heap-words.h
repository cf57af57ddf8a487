// specimens/heap-words.h - what the heap- specimens say of glibc's malloc, and ask of it.
// Units   Bytes of a block are those that malloc_usable_size(3) grants: its chunk is 8 more, or 16
//         more where it has a mapping of its own.
// Source  mallinfo2(3), mallopt(3); flags of a chunk and heap_info: glibc's malloc.c and arena.c.
#pragma once
#include <gnu/libc-version.h>
#include <malloc.h>

#include "specimen.h"

enum { kSubHeap = 64 << 20 };  // HEAP_MAX_SIZE: a thread's arena has blocks of it, so aligned

/// Counts blocks, by glibc's word on their sizes.
typedef struct {
  size_t chunks, bytes;
} Tally;

static inline void* take(size_t size) {
  void* const block = malloc(size);
  must(block != NULL);
  return block;
}
/// The thread's cache is itself a block. From 2.42 on it is made by the first free, and would then
/// stand above all that was taken before.
static inline void make_cache(void) {
  void* volatile block = take(1);
  free(block);
}
static inline void* take_counted(size_t size, Tally* live) {
  void* const block = take(size);
  ++live->chunks;
  live->bytes += malloc_usable_size(block);
  return block;
}
static inline void give_back(void* block, Tally* live, Tally* freed) {
  const size_t usable = malloc_usable_size(block);
  --live->chunks, ++freed->chunks;
  live->bytes -= usable, freed->bytes += usable;
  free(block);
}

static inline void state_tally(const char* name, Tally tally) {
  say("%s.chunks=%zu\n%s.bytes=%zu\n", name, tally.chunks, name, tally.bytes);
}
/// X.block, as malloc returned it, and what of it may be used; it has to be live.
static inline void state_block(const char* name, void* block) {
  say("%s.block=%p\n%s.usable=%zu\n", name, block, name, malloc_usable_size(block));
}

/// glibc's last word: from here on nothing may use the heap, so that this stands.
static inline void state_glibc(void) {
  const struct mallinfo2 own = mallinfo2();
  state("glibc.version", gnu_get_libc_version());
  state("glibc.arena", own.arena);
  state("glibc.ordblks", own.ordblks);
  state("glibc.smblks", own.smblks);
  state("glibc.hblks", own.hblks);
  state("glibc.hblkhd", own.hblkhd);
  state("glibc.fsmblks", own.fsmblks);
  state("glibc.uordblks", own.uordblks);
  state("glibc.fordblks", own.fordblks);
  state("glibc.keepcost", own.keepcost);
}

/// 36 of 2.36.
static inline int glibc_minor(void) { return atoi(strchr(gnu_get_libc_version(), '.') + 1); }

static inline uintptr_t* words_of(const void* block) { return (uintptr_t*)(uintptr_t)block; }

/// The arena of a block: what the sub-heap around it says first; NULL is the main arena.
static inline void* arena_of(const void* block) {
  const uintptr_t non_main = 4, at = (uintptr_t)block;
  if ((*(const volatile uintptr_t*)(at - sizeof at) & non_main) == 0) return NULL;
  return *(void**)(at & -(uintptr_t)kSubHeap);
}
