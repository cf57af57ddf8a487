// heap-busy - four threads in malloc, realloc and free without pause, in the main arena and two
// others, each freeing what others took: whenever it is stopped, a heap mid-operation. After a line
// they stand still, and it states what is live.
#include <pthread.h>
#include <stdatomic.h>

#include "heap-words.h"

enum { kThreads = 4, kArenas = 3, kSlots = 512, kUntilReady = 20000, kMapped = 200000 };

static _Atomic(void*) slots[kSlots];
static atomic_int stop;
static pthread_barrier_t first_taken, busy, still, over;
static void* arenas[kThreads];
static pid_t tids[kThreads];

static uint32_t draw(uint32_t* seed) {  // xorshift32
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return *seed;
}

/// Mostly small, some so large that chunks are split and joined, a few with mappings of their own.
static size_t draw_size(uint32_t* seed) {
  const uint32_t drawn = draw(seed) >> 8;
  if (drawn % 500 == 0) return kMapped;
  return drawn % 16 == 0 ? drawn % 40000 : drawn % 600;
}

static void do_one(uint32_t* seed) {
  _Atomic(void*)* const slot = &slots[draw(seed) % kSlots];
  void* block = atomic_exchange(slot, NULL);
  if (block == NULL) {
    block = take(1 + draw_size(seed));
  } else if (draw(seed) % 4 == 0) {
    must((block = realloc(block, 1 + draw_size(seed))) != NULL);
  } else {
    free(block);
    return;
  }
  free(atomic_exchange(slot, block));  // another may have filled it since
}

static void* work(void* argument) {
  const int number = (int)(intptr_t)argument;
  uint32_t seed = 0x9E3779B9u * (uint32_t)(number + 1);
  tids[number] = gettid();
  void* const first = take(100);
  arenas[number] = arena_of(first);  // glibc's word
  free(first);
  pthread_barrier_wait(&first_taken);
  for (int i = 0; i < kUntilReady; ++i) do_one(&seed);
  pthread_barrier_wait(&busy);
  while (!atomic_load(&stop)) do_one(&seed);
  pthread_barrier_wait(&still);
  pthread_barrier_wait(&over);
  return NULL;
}

int main(void) {
  must(mallopt(M_ARENA_MAX, kArenas) == 1);
  must(mallopt(M_MMAP_THRESHOLD, kMapped / 2) == 1);  // fixed: freeing would raise it above kMapped
  must(nice(10) != -1);  // it works as long as it is asked to; others want to work too
  pthread_barrier_init(&first_taken, NULL, 2);
  pthread_barrier_init(&busy, NULL, kThreads + 1);
  pthread_barrier_init(&still, NULL, kThreads + 1);
  pthread_barrier_init(&over, NULL, kThreads + 1);
  for (intptr_t i = 0; i < kThreads; ++i) {  // one after the other: which arena each gets is fixed
    pthread_t thread;
    must(pthread_create(&thread, NULL, work, (void*)i) == 0);
    pthread_barrier_wait(&first_taken);
  }
  pthread_barrier_wait(&busy);
  state("threads", kThreads + 1);
  for (int i = 0; i < kThreads; ++i) {
    state(numbered("thread.%d.tid", i), tids[i]);
    if (arenas[i] == NULL)
      state(numbered("thread.%d.arena", i), "main");
    else
      state(numbered("thread.%d.arena", i), arenas[i]);
  }
  state("live.at_most", kSlots + 2 * kThreads);  // each has one in hand, and one to free
  ready();

  atomic_store(&stop, 1);
  pthread_barrier_wait(&still);
  Tally live = {0, 0};
  for (int i = 0; i < kSlots; ++i) {
    void* const block = atomic_load(&slots[i]);
    if (block == NULL) continue;
    ++live.chunks;
    live.bytes += malloc_usable_size(block);
  }
  for (int i = 0; i < kThreads; ++i) until_asleep(tids[i]);
  state_tally("live", live);
  state_glibc();
  ready();
}
