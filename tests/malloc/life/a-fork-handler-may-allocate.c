// a-fork-handler-may-allocate - pthread_atfork's, which run inside fork(), before and after those
// of an allocator.
#include "churn.h"

static void* kept;
static void before(void) {
  free(kept);
  churn(1, 100);
  kept = malloc(1000);
}
static void after(void) {
  free(kept);
  churn(2, 100);
  kept = malloc(3000);
}
__attribute__((constructor(101))) static void early(void) { pthread_atfork(before, after, after); }

int main(void) {
  pthread_atfork(before, after, after);
  churners(2);
  for (int round = 0; round < 60; ++round) {
    const pid_t child = fork();
    expect(child >= 0);
    if (child == 0) {
      alarm(120);
      churn(3, 300);
      _exit(0);
    }
    expect(ended_well(child));
  }
  stop_churners();
}
