// glibc-heap - blocks of malloc in a known pattern: main arena, two threads' arenas, own mappings.
// glibc's own small blocks for the threads lie among them; `glibc.` is the word of mallinfo2(3).
#include <malloc.h>
#include <pthread.h>

#include "specimen.h"

enum { kBlocks = 1000, kBlock = 100, kFreed = 300, kThreads = 2, kThreadBlocks = 200 };
static const size_t kMapped[] = {200 << 10, 256 << 10, 1 << 20};  // above the mmap threshold

static void* blocks[kBlocks];
static void* thread_blocks[kThreads][kThreadBlocks];
static Byte* volatile mapped[3];  // volatile: what is only written would not be kept
static pthread_barrier_t stood, over;

static void* stand(void* argument) {
  void** const mine = thread_blocks[(uintptr_t)argument];
  for (int i = 0; i < kThreadBlocks; ++i) must((mine[i] = malloc(kBlock)) != NULL);
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return NULL;
}

int main(void) {
  for (int i = 0; i < kBlocks; ++i) must((blocks[i] = malloc(kBlock)) != NULL);
  // Every third one: no two that are free are neighbours, so none are joined.
  for (int i = 0; i < kFreed; ++i) free(blocks[3 * i]);
  pthread_barrier_init(&stood, NULL, kThreads + 1);
  pthread_barrier_init(&over, NULL, kThreads + 1);
  pthread_t thread;
  for (uintptr_t i = 0; i < kThreads; ++i) {
    must(pthread_create(&thread, NULL, stand, (void*)i) == 0);
  }
  pthread_barrier_wait(&stood);

  state("block.size", kBlock);
  state("block.usable", malloc_usable_size(blocks[1]));  // glibc's word
  state("main.live", kBlocks - kFreed);
  state("main.freed", kFreed);
  state("main.first_live", blocks[1]);
  state("main.last_live", blocks[kBlocks - 1]);
  state("main.first_freed", blocks[0]);
  for (int i = 0; i < kThreads; ++i) {
    state(numbered("arena.%d.live", i), kThreadBlocks);
    state(numbered("arena.%d.first_live", i), thread_blocks[i][0]);
  }
  for (int i = 0; i < 3; ++i) {
    Byte* const block = mapped[i] = malloc(kMapped[i]);
    must(block != NULL);
    memset(block, 1, kMapped[i]);
    state_range(numbered("mapped.%d", i), block, kMapped[i]);
    state(numbered("mapped.%d.anonymous", i), kMapped[i]);
  }
  const struct mallinfo2 own = mallinfo2();
  state("glibc.in_arenas", own.arena);
  state("glibc.in_use", own.uordblks);
  state("glibc.free", own.fordblks);
  state("glibc.in_fast_bins", own.fsmblks);
  state("glibc.releasable_at_top", own.keepcost);
  state("glibc.mapped", own.hblkhd);
  ready();
}
