// a-program-ends-while-threads-allocate - exit() runs destructors, and nobody stops the threads.
#include "churn.h"

static void leave(void) { churn(1, 100); }

int main(void) {
  for (int round = 0; round < 60; ++round) {
    const pid_t child = fork();
    expect(child >= 0);
    if (child == 0) {
      alarm(120);
      atexit(leave);
      churners(3);
      churn((uint64_t)round, 100);
      exit(0);
    }
    expect(ended_well(child));
  }
}
