// locked-memory-stays-small - under mlockall(MCL_CURRENT | MCL_FUTURE) every page that is mapped is
// resident at once, so that nothing may be mapped far ahead of its use.
#include "churn.h"

static pthread_barrier_t full, over;
static void* work(void* unused) {
  void* blocks[100];
  for (int i = 0; i < 100; ++i) blocks[i] = malloc(100 + i);
  pthread_barrier_wait(&full);
  pthread_barrier_wait(&over);
  for (int i = 0; i < 100; ++i) free(blocks[i]);
  return unused;
}

int main(void) {
  const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &all);
  mlockall(MCL_FUTURE);
  // Without the right to lock more than the limit, what is large is refused: nothing to be seen.
  void* const probe = mmap(NULL, 65 * kMiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return puts("locking much memory needs root"), 77;
  expect(munmap(probe, 65 * kMiB) == 0 && mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
  const size_t before = resident();
  enum { kThreads = 4 };
  pthread_t threads[kThreads];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 128 * kKiB);
  pthread_barrier_init(&full, NULL, kThreads + 1);
  pthread_barrier_init(&over, NULL, kThreads + 1);
  for (int i = 0; i < kThreads; ++i) expect(pthread_create(&threads[i], &small, work, NULL) == 0);
  pthread_barrier_wait(&full);
  void* blocks[1000];
  for (int i = 0; i < 1000; ++i) blocks[i] = malloc(500);
  const size_t used = resident();
  dprintf(1, "%zu KiB resident, with five threads' small blocks %zu\n", before >> 10, used >> 10);
  expect(before < 16 * kMiB && used < 24 * kMiB);
  pthread_barrier_wait(&over);
  for (int i = 0; i < kThreads; ++i) expect(pthread_join(threads[i], NULL) == 0);
  for (int i = 0; i < 1000; ++i) free(blocks[i]);
  churn(1, 5000);
  dprintf(1, "%zu KiB after all\n", resident() >> 10);
  expect(resident() < 64 * kMiB);
}
