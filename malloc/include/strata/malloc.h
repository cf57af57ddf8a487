// malloc/include/strata/malloc.h - what the Strata malloc has beyond malloc(3). C11 and C++.
//
// Named heaps: memory that is allocated from a heap of its own, is counted against its limit,
// stands by its name in `strata explain` and `strata heap`, and is given back all at once.
//
//     strata_heap* const parts = strata_heap_create("parser", 64 << 20);
//     struct node* const root = strata_heap_alloc(parts, sizeof *root);
//     …
//     strata_heap_destroy(parts);         // root, and all that was allocated beside it
//
// A block of a heap is as one of malloc(): aligned to 16, usable up to malloc_usable_size(), and
// free() gives it back to its heap too. Blocks of two heaps never share a page, so a heap that is
// reset or destroyed leaves no holes; that costs a moment for each 16 KiB of small blocks, 128 KiB
// of medium ones (1025 to 32768 bytes) and each larger block, not for each block.
//
// Units   bytes. Limits and figures are of blocks as they are: what malloc_usable_size()
//         says, which is somewhat more than was asked for.
// Errors  NULL and errno: ENOMEM where the limit would be passed or there is no memory, EINVAL
//         where an argument can never do; else errno stays as it was. A block that is free already,
//         is of another heap or of none, and a heap that was destroyed, end the program with one
//         line, by abort(3).
// Threads any number at once in one heap. It has one lock, which a thread that has the heap for
//         itself hardly pays: prefer a heap for each thread. Create the first one before threads,
//         as it costs some 10 ms once where there are some. While a heap is reset or destroyed
//         nobody may use its blocks or, destroyed, the heap. A child that was forked has the heaps
//         as they were.
//
// Link with -lstrata-malloc; or, for a program that is to run without it too, declare weak what you
// use. memory_resource.h has the same for C++ containers.
#ifndef STRATA_MALLOC_H
#define STRATA_MALLOC_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct strata_heap strata_heap;

// As a limit: as much as there is.
#define STRATA_NO_LIMIT ((size_t)-1)

// A heap, empty. Of `name` 47 bytes are kept; heaps may be called alike. EINVAL without a name,
// ENOMEM where there is no memory or 65,520 heaps are. A heap costs 2 KiB, and up to 512 bytes for
// each size that it has blocks of.
strata_heap* strata_heap_create(const char* name, size_t limit);

// A block, as malloc(), calloc() and aligned_alloc() give one. An alignment is a power of two.
void* strata_heap_alloc(strata_heap* heap, size_t bytes);
void* strata_heap_calloc(strata_heap* heap, size_t count, size_t bytes);
void* strata_heap_aligned_alloc(strata_heap* heap, size_t alignment, size_t bytes);
// As realloc(): the block stays where NULL is given for more than nothing. Where it has to be
// copied old and new count against the limit together. realloc() of a heap's block does the same.
void* strata_heap_realloc(strata_heap* heap, void* block, size_t bytes);
// `block` is one of this heap, or NULL.
void strata_heap_free(strata_heap* heap, void* block);

// Gives back all blocks at once; the heap is as it was created, but for `peak_bytes` and `refused`.
void strata_heap_reset(strata_heap* heap);
// And the heap with them. `heap` may be NULL.
void strata_heap_destroy(strata_heap* heap);

// A limit below what is live refuses what is new, and nothing else.
size_t strata_heap_limit(const strata_heap* heap);
void strata_heap_set_limit(strata_heap* heap, size_t limit);

const char* strata_heap_name(const strata_heap* heap);
// The heap that a live block is of; NULL for malloc()'s own, and for what is no block.
strata_heap* strata_heap_of(const void* block);

struct strata_heap_figures {
  size_t live_blocks;
  size_t live_bytes;
  size_t held_bytes;  // taken from all memory for it: spans of blocks, and large blocks
  size_t peak_bytes;  // the most that was live since it was created
  size_t limit_bytes;
  size_t refused;  // calls that gave NULL and ENOMEM
};
// Fills in the first `size` bytes of `into`, of which later versions may have more: pass
// sizeof *into. What is unknown to this version becomes 0. All figures are of one moment.
void strata_heap_statistics(const strata_heap* heap, struct strata_heap_figures* into, size_t size);

// A pool of objects of one size: a heap, for which all of the above holds, and which gives EINVAL
// to who asks it for more than `object_size` bytes or a higher alignment. EINVAL where
// `object_size` is 0, or `alignment` no power of two.
strata_heap* strata_pool_create(const char* name, size_t object_size, size_t alignment,
                                size_t limit);
void* strata_pool_alloc(strata_heap* pool);

// ---- Options ----
//
// `strata run --help` lists them. An operator's STRATA_MALLOC=key:value,... counts for more than
// the program's own text; strata_malloc_option() for more than both.

// Sets one option: its name, and its value as text ("0", "250", "64M"). Returns 0; ENOENT: there is
// none of that name; EINVAL: it has no such value; EBUSY: it could be set until the first block was
// given (harden, quarantine, check_sizes: then the text is the way).
int strata_malloc_option(const char* key, const char* value);

// A program that defines it sets options before its first block:
//
//     const char* strata_malloc_options = "harden:1,quarantine:16M";
extern const char* strata_malloc_options __attribute__((weak));

// ---- Sampling ----
//
// Sampling: who allocated is noted for one byte in so many, chosen at random; `strata profile PID`
// shows the sites and writes them for pprof. Off until it is asked for, here, by
// STRATA_MALLOC=sample:512K, or from outside by strata profile --start. Blocks of named heaps are
// not sampled.
//
// `bytes` is how far apart noted bytes are on average; 524288 is usual, 0 turns it off. The calling
// thread follows at once, each other one when it next needs more blocks than it has at hand. What
// was sampled stays in the profile until it is freed. 0, or ENOMEM where there is no memory for the
// records; errno stays as it was.
int strata_malloc_sample(size_t bytes);
// How far apart they are; 0 while sampling is off.
size_t strata_malloc_sampling(void);

#ifdef __cplusplus
}
#endif
#endif
