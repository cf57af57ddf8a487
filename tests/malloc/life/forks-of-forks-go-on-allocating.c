// forks-of-forks-go-on-allocating - ten generations, each threaded when it forks.
#include "churn.h"

static void generation(int left) {
  churners(2);
  churn((uint64_t)left, 300);
  const pid_t child = left ? fork() : 0;
  expect(child >= 0);
  if (left && child == 0) {
    alarm(120);
    churn((uint64_t)left + 50, 300);
    generation(left - 1);
    _exit(0);
  }
  if (left) expect(ended_well(child));
  stop_churners();
}

int main(void) { generation(10); }
