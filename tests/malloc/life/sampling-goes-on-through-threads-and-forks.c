// sampling-goes-on-through-threads-and-forks - switched on, off and over while threads allocate,
// free each other's blocks and fork; elsewhere than on the Strata malloc they do so without it.
#include "churn.h"

enum { kThreads = 4, kRounds = 30 };
static int (*sample)(size_t);
static size_t (*sampling)(void);

static void* work(void* argument) {
  const unsigned seed = (unsigned)(uintptr_t)argument;
  for (unsigned round = 0; round < kRounds; ++round) {
    churn(seed * 100 + round, 300);
    if (sample != NULL && round % 5 == seed % 5) {
      errno = 0;
      expect(sample(round % 2 == 0 ? 1u << (seed % 16) : 0) == 0);
      expect(errno == 0);
    }
    if (round % 10 != seed % 10) continue;
    const pid_t child = fork();
    if (child == 0) {
      churn(seed + round, 300);
      _exit(0);
    }
    expect(child > 0 && ended_well(child));
  }
  return NULL;
}

int main(void) {
  sample = (int (*)(size_t))dlsym(RTLD_DEFAULT, "strata_malloc_sample");
  sampling = (size_t (*)(void))dlsym(RTLD_DEFAULT, "strata_malloc_sampling");
  pthread_t threads[kThreads];
  for (uintptr_t i = 0; i < kThreads; ++i) {
    expect(pthread_create(&threads[i], NULL, work, (void*)(i + 1)) == 0);
  }
  for (int i = 0; i < kThreads; ++i) expect(pthread_join(threads[i], NULL) == 0);
  if (sample == NULL) return 0;
  expect(sample(4096) == 0 && sampling() == 4096);
  expect(sample(0) == 0 && sampling() == 0);
  return 0;
}
