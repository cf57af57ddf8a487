// two-hundred-threads-at-once-all-allocate - while all of them hold blocks, and as they end.
#include "churn.h"

static pthread_barrier_t full;
static void* work(void* seed) {
  void* blocks[50];
  for (int i = 0; i < 50; ++i)
    fill(blocks[i] = malloc(100 + i * 20), 100, (unsigned)(uintptr_t)seed);
  pthread_barrier_wait(&full);
  for (int i = 0; i < 50; ++i) {
    expect(holds(blocks[i], 100, (unsigned)(uintptr_t)seed));
    free(blocks[i]);
  }
  churn((uintptr_t)seed, 200);
  return NULL;
}

int main(void) {
  enum { kThreads = 200 };
  static pthread_t threads[kThreads];
  pthread_barrier_init(&full, NULL, kThreads);
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 128 * kKiB);
  for (uintptr_t i = 0; i < kThreads; ++i)
    expect(pthread_create(&threads[i], &small, work, (void*)i) == 0);
  for (int i = 0; i < kThreads; ++i) expect(pthread_join(threads[i], NULL) == 0);
}
