// heap-caches - sixteen threads that have filled their caches to the last place, and stand.
#include <pthread.h>

#include "heap-words.h"

enum { kThreads = 16, kSizes = 64, kSmallest = 24, kStep = 16, kMostEach = 16 };

static struct Part {
  pid_t tid;
  Tally live, cached;
} parts[kThreads];
static pthread_barrier_t stood, over;

static void* work(void* argument) {
  struct Part* const part = argument;
  part->tid = gettid();
  make_cache();
  const int each = glibc_minor() >= 43 ? kMostEach : 7;
  void* blocks[kSizes][kMostEach];
  for (int i = 0; i < kSizes; ++i) {
    for (int n = 0; n < each; ++n) {
      blocks[i][n] = take_counted((size_t)(kSmallest + i * kStep), &part->live);
    }
  }
  for (int i = 0; i < kSizes; ++i) {
    for (int n = 0; n < each; ++n) give_back(blocks[i][n], &part->live, &part->cached);
  }
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return NULL;
}

int main(void) {
  make_cache();
  pthread_barrier_init(&stood, NULL, 2);
  pthread_barrier_init(&over, NULL, kThreads + 1);
  for (int i = 0; i < kThreads; ++i) {
    pthread_t thread;
    must(pthread_create(&thread, NULL, work, &parts[i]) == 0);
    pthread_barrier_wait(&stood);
  }
  Tally cached = {0, 0};
  for (int i = 0; i < kThreads; ++i) {
    until_asleep(parts[i].tid);
    state(numbered("thread.%d.tid", i), parts[i].tid);
    cached.chunks += parts[i].cached.chunks;
    cached.bytes += parts[i].cached.bytes;
  }
  state("threads", kThreads + 1);
  state_tally("cached", cached);
  state_glibc();
  ready();
}
