// threads-fork-at-the-same-time - each of several, among others that allocate.
#include "churn.h"

static void* fork_often(void* seed) {
  for (int round = 0; round < 30; ++round) {
    const pid_t child = fork();
    expect(child >= 0);
    if (child == 0) {
      alarm(120);
      churn((uintptr_t)seed + 7, 300);
      _exit(0);
    }
    churn((uintptr_t)seed, 100);
    expect(ended_well(child));
  }
  return NULL;
}

int main(void) {
  churners(1);
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; ++i)
    expect(pthread_create(&threads[i], NULL, fork_often, (void*)i) == 0);
  for (int i = 0; i < 4; ++i) expect(pthread_join(threads[i], NULL) == 0);
  stop_churners();
}
