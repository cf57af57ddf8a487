// heap-corrupt - a heap that it damages itself, in the one way that its argument names, after it
// has stated what stood there; without one it names the ways and leaves the heap whole. It finds
// each place from blocks of its own and the layout around them (glibc's malloc.c, 2.31 to 2.44),
// not from symbols, and neither takes nor frees a block afterwards.
#include <pthread.h>

#include "heap-words.h"

enum { kRow = 104, kCached = 72, kLone = 3000, kLast = 100000, kArenaWords = 280 };

// Live row[0..2] are neighbours; cached[2] is first in its list of three; lone is alone in a bin
// between two live ones; last is what top stands behind; in_thread lies in a second arena.
static Byte *row[3], *last, *in_thread;
static Byte* volatile lone;      // volatile, as it is read after it was freed
static void* volatile apart[2];  // volatile: what is only written would not be kept
static uintptr_t cached[3];
static size_t lone_usable;
static Byte* heap;  // where it began
static pthread_barrier_t stood, over;
static pid_t tid;

static void state_word(const char* key, uintptr_t value) { say("%s=0x%zx\n", key, (size_t)value); }

/// Writes a word, and states where, what it was and what it is.
static void damage(uintptr_t* at, uintptr_t value) {
  state("damage.at", (void*)at);
  state("damage.bytes", sizeof *at);
  state_word("damage.was", *at);
  state_word("damage.is", value);
  *(volatile uintptr_t*)at = value;
}

/// What a cached block's first word is for the one after it to be `next`; plain before 2.32.
static uintptr_t link_from(uintptr_t block, uintptr_t next) {
  return glibc_minor() >= 32 ? next ^ (block >> 12) : next;
}

/// The head of the list that cached[2] is first of: the one word of the heap that is its address.
static uintptr_t* cached_head(void) {
  for (uintptr_t* at = words_of(heap); (Byte*)at < last; ++at) {
    if (*at == cached[2]) return at;
  }
  must(!"the heads of the caches lie in the main heap");
  return NULL;
}

static uintptr_t* size_word(void* block) { return words_of(block) - 1; }

static void overwrite_size(void) {
  const size_t usable = malloc_usable_size(row[0]);
  must(row[0] + usable == (Byte*)size_word(row[1]));
  state("damage.block", row[1]);
  state("damage.by", row[0]);
  state("damage.at", row[0] + usable);
  state("damage.bytes", sizeof(uintptr_t));
  state_word("damage.was", *size_word(row[1]));
  for (size_t i = 0; i < usable + sizeof(uintptr_t); ++i) ((volatile Byte*)row[0])[i] = 'A';
  state_word("damage.is", *size_word(row[1]));
}

static void clear_size(void) {
  state("damage.block", row[1]);
  damage(size_word(row[1]), 0);
}

static void loop_free_list(void) {
  state("damage.block", lone);
  damage(words_of(lone), (uintptr_t)lone - 16);
}

static void lead_outside(void) {
  Byte* const outside = map_pages(1);
  must(munmap(outside, kPage) == 0);
  state("damage.block", lone);
  damage(words_of(lone), (uintptr_t)outside);
}

static void loop_cache(void) {
  state("damage.block", (void*)cached[0]);
  state("damage.leads_to", (void*)cached[2]);
  damage(words_of((void*)cached[0]), link_from(cached[0], cached[2]));
}

/// Counts lie before the heads: 64 of two bytes, or 76 from 2.42 on, where they are of free places.
static void change_count(void) {
  uintptr_t* const head = cached_head();
  const size_t bins = glibc_minor() >= 42 ? 76 : 64, bin = (kCached + 8 - 32 + 15) / 16;
  uint16_t* const counts = (uint16_t*)(head - bin) - bins;
  state("damage.cached", 3);
  state("damage.at", (void*)&counts[bin]);
  state("damage.bytes", sizeof counts[bin]);
  state_word("damage.was", counts[bin]);
  counts[bin] = (uint16_t)(counts[bin] + 2);
  state_word("damage.is", counts[bin]);
}

static void enlarge_top(void) {
  uintptr_t* const size = (uintptr_t*)(uintptr_t)(last + malloc_usable_size(last));
  state("damage.block", (Byte*)(size + 1));
  damage(size, *size + (1u << 30));
}

/// Of the second arena's words only the one for the next arena leads to the main one, which is
/// where the bin of `lone` is.
static void open_ring(void) {
  uintptr_t* const arena = arena_of(in_thread);
  const uintptr_t bin = *words_of(lone);
  must(arena != NULL);
  state("damage.arena", (void*)arena);
  for (int i = 0; i < kArenaWords; ++i) {
    if (arena[i] < bin && bin - arena[i] < kArenaWords * sizeof bin) {
      damage(&arena[i], 0x5A5A5A5A5A50);
      return;
    }
  }
  must(!"an arena leads to the next");
}

static void change_footer(void) {
  state("damage.block", lone);
  uintptr_t* const footer = (uintptr_t*)(uintptr_t)(lone + lone_usable - sizeof *footer);
  damage(footer, *footer + 0x100);
}

static void use_after_free(void) {
  state("damage.block", lone);
  state("damage.at", lone);
  state("damage.bytes", 2 * sizeof(uintptr_t));
  state_word("damage.was", *words_of(lone));
  for (size_t i = 0; i < 2 * sizeof(uintptr_t); ++i) ((volatile Byte*)lone)[i] = 'Z';
  state_word("damage.is", *words_of(lone));
}

/// As programs do it: the mark of a freed block is overwritten, so the second free goes unnoticed.
static void free_twice(void) {
  uintptr_t* const block = words_of((void*)cached[0]);
  state("damage.block", (void*)block);
  state("damage.at", (void*)block);
  state("damage.bytes", 2 * sizeof *block);
  state_word("damage.was", block[0]);
  *(volatile uintptr_t*)&block[1] = 0;
  free(block);
  state_word("damage.is", *words_of((void*)cached[0]));
  state("damage.leads_to", (void*)cached[2]);
}

static const struct {
  const char* name;
  void (*damage)(void);
} kKinds[] = {
    {"size-overwritten", overwrite_size}, {"size-zero", clear_size},
    {"free-list-loop", loop_free_list},   {"free-list-outside", lead_outside},
    {"tcache-loop", loop_cache},          {"tcache-count", change_count},
    {"top-beyond", enlarge_top},          {"ring-open", open_ring},
    {"prev-size", change_footer},         {"use-after-free", use_after_free},
    {"double-free-in-list", free_twice},
};
enum { kKindCount = sizeof kKinds / sizeof *kKinds };

static void* stand(void* unused) {
  in_thread = take(kRow);
  tid = gettid();
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return unused;
}

static void make_heap(void) {
  for (int i = 0; i < 3; ++i) row[i] = take(kRow);
  for (int i = 0; i < 3; ++i) cached[i] = (uintptr_t)take(kCached);
  apart[0] = take(kRow);
  lone = take(kLone);
  apart[1] = take(kRow);
  lone_usable = malloc_usable_size(lone);
  pthread_barrier_init(&stood, NULL, 2);
  pthread_barrier_init(&over, NULL, 2);
  pthread_t thread;
  must(pthread_create(&thread, NULL, stand, NULL) == 0);
  pthread_barrier_wait(&stood);
  until_asleep(tid);
  for (int i = 0; i < 3; ++i) free((void*)cached[i]);
  free(lone);
  last = take(kLast);  // more than is free, so `lone` is put into its bin, and this before top
  must(words_of(lone)[0] == words_of(lone)[1]);  // the bin, on either side
}

int main(int count, char** arguments) {
  heap = sbrk(0);
  int kind = -1;
  for (int i = 0; count > 1 && i < kKindCount; ++i) {
    if (strcmp(arguments[1], kKinds[i].name) == 0) kind = i;
  }
  if (count > 1 && kind < 0) {
    dprintf(STDERR_FILENO, "specimen: heap-corrupt knows no \"%s\"\n", arguments[1]);
    return 2;
  }
  make_heap();
  state("threads", 2);
  for (int i = 0; i < kKindCount; ++i) state(numbered("kind.%d", i), kKinds[i].name);
  state_block("row.0", row[0]);
  state_block("row.1", row[1]);
  state_block("row.2", row[2]);
  for (int i = 0; i < 3; ++i) state(numbered("cached.%d.freed", i), (void*)cached[i]);
  state("lone.freed", lone);
  state("lone.usable", lone_usable);
  state_block("last", last);
  state_block("thread", in_thread);
  state_glibc();
  state("damage", kind < 0 ? "none" : kKinds[kind].name);
  if (kind >= 0) kKinds[kind].damage();
  ready();
}
