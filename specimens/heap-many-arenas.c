// heap-many-arenas - seven threads that work one after the other, each in an arena of its own:
// takes 4 MiB of small blocks, and frees all but the last. What one has freed the next cannot be
// given, so each takes its own. No limit on arenas is set: who starts it may set one, and compare.
// Eight are what every glibc allows on every machine.
#include <pthread.h>

#include "heap-words.h"

enum { kThreads = 7, kBlock = 1000, kChunk = 1008, kBlocks = (4 << 20) / kChunk };

static struct Part {
  pid_t tid;
  void* arena;
  Byte* blocks[kBlocks];
  Tally live, freed;
} parts[kThreads];
static pthread_barrier_t stood, over;

static void* work(void* argument) {
  struct Part* const part = argument;
  part->tid = gettid();
  make_cache();
  for (int i = 0; i < kBlocks; ++i) part->blocks[i] = take_counted(kBlock, &part->live);
  part->arena = arena_of(part->blocks[0]);  // glibc's word
  for (int i = 0; i < kBlocks - 1; ++i) give_back(part->blocks[i], &part->live, &part->freed);
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return NULL;
}

int main(void) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);  // page by page; kernels without huge pages refuse it
  make_cache();
  pthread_barrier_init(&stood, NULL, 2);
  pthread_barrier_init(&over, NULL, kThreads + 1);
  int arenas = 1;  // the main one
  for (int i = 0; i < kThreads; ++i) {
    pthread_t thread;
    must(pthread_create(&thread, NULL, work, &parts[i]) == 0);
    pthread_barrier_wait(&stood);
    int is_new = parts[i].arena != NULL;
    for (int before = 0; before < i; ++before) is_new &= parts[before].arena != parts[i].arena;
    arenas += is_new;
  }
  state("threads", kThreads + 1);
  state("arenas", arenas);
  for (int i = 0; i < kThreads; ++i) {
    until_asleep(parts[i].tid);
    state(numbered("thread.%d.tid", i), parts[i].tid);
    state_block(numbered("thread.%d.keeps", i), parts[i].blocks[kBlocks - 1]);
    state_tally(numbered("thread.%d.freed", i), parts[i].freed);
    if (arenas <= kThreads) continue;  // where they share, the blocks do not lie in a row
    const size_t size = (size_t)(parts[i].blocks[kBlocks - 1] - parts[i].blocks[0]);
    state_range(numbered("freed.%d", i), parts[i].blocks[0], size);
    state(numbered("freed.%d.anonymous", i), size);  // every page has a header that was written
  }
  state_glibc();
  ready();
}
