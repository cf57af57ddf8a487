// a-pool-gives-objects-of-one-size - aligned as asked for, and nothing larger.
#include "../heaps.h"

int main(void) {
  static const size_t sizes[] = {1, 24, 100, 1000, 5000, 100000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    for (size_t alignment = 1; alignment <= 65536; alignment *= 16) {
      strata_heap* const pool = strata_pool_create("objects", sizes[i], alignment, STRATA_NO_LIMIT);
      void* objects[100];
      for (int k = 0; k < 100; ++k) {
        objects[k] = strata_pool_alloc(pool);
        expect(objects[k] && (uintptr_t)objects[k] % alignment == 0);
        expect(strata_heap_of(objects[k]) == pool);
        fill(objects[k], sizes[i], (unsigned)k);
      }
      for (int k = 0; k < 100; ++k) {
        expect(holds(objects[k], sizes[i], (unsigned)k));
        if (k % 2) strata_heap_free(pool, objects[k]);
      }
      expect(figures_of(pool).live_blocks == 50);
      expect(figures_of(pool).live_bytes == 50 * malloc_usable_size(objects[0]));
      expect(strata_heap_alloc(pool, sizes[i]));
      errno = 0;
      expect(strata_heap_alloc(pool, sizes[i] + 1) == NULL && errno == EINVAL);
      strata_heap_destroy(pool);
    }
  }
  expect(strata_pool_create("objects", 0, 1, 1) == NULL && errno == EINVAL);
  expect(strata_pool_create("objects", 1, 0, 1) == NULL && errno == EINVAL);
}
