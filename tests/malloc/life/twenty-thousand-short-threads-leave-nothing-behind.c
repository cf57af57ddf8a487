// twenty-thousand-short-threads-leave-nothing-behind - what a thread costs comes back with its end.
#include "churn.h"

static void* live_shortly(void* number) {
  enum { kBlocks = 30 };
  void* blocks[kBlocks];
  for (size_t i = 0; i < kBlocks; ++i) {
    blocks[i] = malloc(16 + ((uintptr_t)number + i * 67) % 2000);
    memset(blocks[i], 1, 16);
  }
  for (int i = 1; i < kBlocks; ++i) free(blocks[i]);
  // One is freed by another thread.
  return blocks[0];
}

static void run(uintptr_t count) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 * kKiB);
  for (uintptr_t i = 0; i < count; i += 4) {
    pthread_t threads[4];
    void* last;
    for (uintptr_t n = 0; n < 4; ++n) {
      expect(pthread_create(&threads[n], &small, live_shortly, (void*)(i + n)) == 0);
    }
    for (int n = 0; n < 4; ++n) {
      expect(pthread_join(threads[n], &last) == 0);
      free(last);
    }
  }
}

int main(void) {
  run(1000);
  const size_t before = resident();
  run(19000);
  const size_t after = resident();
  dprintf(1, "%zu KiB after 1,000 threads, %zu after 20,000\n", before >> 10, after >> 10);
  expect(after < before + 8 * kMiB);
}
