// threads-with-the-smallest-stacks-allocate - 16 KiB are enough for every path through malloc.
#include "churn.h"

static void* work(void* unused) {
  static _Thread_local void* blocks[64];
  for (size_t round = 0; round < 30; ++round) {
    for (size_t i = 0; i < 64; ++i) {
      const size_t size = (size_t)1 << ((i + round) % 21);
      blocks[i] = i % 3 == 0 ? calloc(1, size) : i % 3 == 1 ? malloc(size) : memalign(4096, size);
      expect(blocks[i]);
      if (i % 5 == 0) expect((blocks[i] = realloc(blocks[i], size * 3)));
    }
    for (size_t i = 0; i < 64; ++i) free(blocks[i * 7 % 64]);
  }
  malloc_trim(0);
  return unused;
}

int main(void) {
  pthread_attr_t smallest;
  pthread_attr_init(&smallest);
  expect(pthread_attr_setstacksize(&smallest, 16 * kKiB) == 0);
  for (int round = 0; round < 5; ++round) {
    pthread_t threads[4];
    for (int i = 0; i < 4; ++i) expect(pthread_create(&threads[i], &smallest, work, NULL) == 0);
    for (int i = 0; i < 4; ++i) expect(pthread_join(threads[i], NULL) == 0);
  }
}
