// a-fork-among-allocating-threads-leaves-both-working - the child has one thread, and all locks as
// they were when the others were lost; it frees what the parent had, and starts threads again.
#include "churn.h"

enum { kRounds = 150, kBlocks = 300 };
static void* blocks[kBlocks];

static void* in_child(void* seed) {
  churn((uintptr_t)seed, 200);
  return NULL;
}

int main(void) {
  churners(3);
  for (uintptr_t round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kBlocks; ++i)
      fill(blocks[i] = malloc(16 + i * 13), 16 + i * 13, (unsigned)i);
    const pid_t child = fork();
    expect(child >= 0);
    if (child == 0) {
      alarm(120);
      for (int i = 0; i < kBlocks; ++i) {
        expect(holds(blocks[i], 16 + i * 13, (unsigned)i));
        free(blocks[i]);
      }
      churn(round, 500);
      if (round % 10 == 0) {
        pthread_t thread;
        expect(pthread_create(&thread, NULL, in_child, (void*)round) == 0);
        churn(round, 200);
        expect(pthread_join(thread, NULL) == 0);
      }
      round % 2 ? exit(0) : _exit(0);
    }
    for (int i = 0; i < kBlocks; ++i) free(blocks[i]);
    churn(round, 100);
    expect(ended_well(child));
  }
  stop_churners();
}
