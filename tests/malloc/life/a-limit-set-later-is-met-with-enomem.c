// a-limit-set-later-is-met-with-enomem - RLIMIT_AS comes down to what is there; small blocks may
// come from what was reserved, all else is refused, nothing breaks, and it goes on when it is up
// again.
#include "churn.h"

int main(void) {
  churn(1, 1000);
  for (int round = 0; round < 20; ++round) {
    struct rlimit before;
    expect(getrlimit(RLIMIT_AS, &before) == 0);
    const struct rlimit none = {1 * kMiB, before.rlim_max};
    expect(setrlimit(RLIMIT_AS, &none) == 0);
    errno = 0;
    expect(malloc((size_t)1 << 46) == NULL && errno == ENOMEM);
    static void* blocks[3000];
    for (int i = 0; i < 3000; ++i) {
      errno = 0;
      blocks[i] = i % 3 == 0   ? malloc((size_t)i * 100)
                  : i % 3 == 1 ? calloc(i, 100)
                               : memalign(4096, (size_t)i * 10);
      expect(blocks[i] || errno == ENOMEM);
      if (blocks[i]) fill(blocks[i], (size_t)i, (unsigned)i);
      void* const larger = i % 4 ? NULL : realloc(blocks[i], (size_t)i * 1000 + 1);
      if (larger) blocks[i] = larger;
      if (blocks[i] && i % 4) expect(holds(blocks[i], (size_t)i, (unsigned)i));
    }
    for (int i = 0; i < 3000; ++i) free(blocks[i]);
    expect(setrlimit(RLIMIT_AS, &before) == 0);
    churn((uint64_t)round, 500);
  }
  void* const large = malloc(64 * kMiB);
  expect(large);
  free(large);
}
