// strata-caches - on the Strata malloc, which has to be preloaded: threads that free blocks of
// several sizes, of each no more than a cache keeps, and then wait. After a line they end.
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>

#include "specimen.h"

enum { kThreads = 8, kEach = 40 << 10 };
static const size_t kSizes[] = {32, 48, 64, 96, 112, 128, 160, 192, 256, 320, 512, 768, 1024, 2048};
enum { kSizeCount = sizeof kSizes / sizeof *kSizes, kMost = kEach / 32 };

static pthread_barrier_t stood, over;
static pid_t tids[kThreads];
static size_t chunks[kThreads], bytes[kThreads];

static void* fill(void* number) {
  const intptr_t own = (intptr_t)number;
  tids[own] = gettid();
  for (int kind = 0; kind < kSizeCount; ++kind) {
    Byte* blocks[kMost];
    const int count = (int)(kEach / kSizes[kind]);
    // Taken and freed a few times, as the room that a cache has for a class grows with its use.
    for (int round = 0; round < 8; ++round) {
      for (int i = 0; i < count; ++i) {
        blocks[i] = malloc(kSizes[kind]);
        must(blocks[i] != NULL);
        memset(blocks[i], 1, kSizes[kind]);
      }
      for (int i = 0; i < count; ++i) {
        if (round == 7) bytes[own] += malloc_usable_size(blocks[i]);
        free(blocks[i]);
      }
    }
    chunks[own] += (size_t)count;
  }
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return NULL;
}

int main(void) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);  // page by page; kernels without huge pages refuse it
  if (dlsym(RTLD_DEFAULT, "strata_malloc_layout") == NULL) {
    skip("it does not run on the Strata malloc");
  }
  pthread_barrier_init(&stood, NULL, kThreads + 1);
  pthread_barrier_init(&over, NULL, kThreads + 1);
  pthread_t threads[kThreads];
  for (intptr_t i = 0; i < kThreads; ++i) {
    must(pthread_create(&threads[i], NULL, fill, (void*)i) == 0);
  }
  pthread_barrier_wait(&stood);
  size_t all_chunks = 0, all_bytes = 0;
  for (int i = 0; i < kThreads; ++i) {
    until_asleep(tids[i]);
    all_chunks += chunks[i];
    all_bytes += bytes[i];
  }
  state("threads", kThreads);
  state("freed.chunks", all_chunks);
  state("freed.bytes", all_bytes);
  ready();
  pthread_barrier_wait(&over);
  for (int i = 0; i < kThreads; ++i) must(pthread_join(threads[i], NULL) == 0);
  ready();
}
