// heap-hoard - four threads with an arena each: one has freed 40 MiB but for its last block, and
// keeps it; three hold a few blocks, and could be given none of it.
#include <pthread.h>

#include "heap-words.h"

enum { kThreads = 4, kBlock = 1000, kChunk = 1008, kHoard = (40 << 20) / kChunk, kFew = 100 };

static struct Part {
  pid_t tid;
  void* arena;
  Tally live, freed;
} parts[kThreads];
static Byte* hoard[kHoard];
static Byte* few[kThreads][kFew];
static pthread_barrier_t stood, over;

static void* work(void* argument) {
  const int number = (int)(intptr_t)argument;
  struct Part* const part = &parts[number];
  part->tid = gettid();
  must(pthread_setname_np(pthread_self(), number == 0 ? "peaks" : "steady") == 0);
  make_cache();
  if (number == 0) {
    for (int i = 0; i < kHoard; ++i) hoard[i] = take_counted(kBlock, &part->live);
    for (int i = 0; i < kHoard - 1; ++i) give_back(hoard[i], &part->live, &part->freed);
    part->arena = arena_of(hoard[kHoard - 1]);
  } else {
    for (int i = 0; i < kFew; ++i) few[number][i] = take_counted(kBlock, &part->live);
    part->arena = arena_of(few[number][0]);
  }
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return NULL;
}

int main(void) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);  // page by page; kernels without huge pages refuse it
  make_cache();
  pthread_barrier_init(&stood, NULL, 2);
  pthread_barrier_init(&over, NULL, kThreads + 1);
  for (intptr_t i = 0; i < kThreads; ++i) {
    pthread_t thread;
    must(pthread_create(&thread, NULL, work, (void*)i) == 0);
    pthread_barrier_wait(&stood);
  }
  state("threads", kThreads + 1);
  for (int i = 0; i < kThreads; ++i) {
    until_asleep(parts[i].tid);
    state(numbered("thread.%d.tid", i), parts[i].tid);
    if (parts[i].arena == NULL)
      state(numbered("thread.%d.arena", i), "main");
    else
      state(numbered("thread.%d.arena", i), parts[i].arena);
    state_tally(numbered("thread.%d.live", i), parts[i].live);
    state_tally(numbered("thread.%d.freed", i), parts[i].freed);
  }
  const size_t size = (size_t)(hoard[kHoard - 1] - hoard[0]);
  state_range("hoard", hoard[0], size);
  state("hoard.anonymous", size);  // every page has a header that was written
  state_block("keeps", hoard[kHoard - 1]);
  state_glibc();
  ready();
}
