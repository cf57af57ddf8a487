// a-heap-gives-what-malloc-gives - each function of a named heap keeps malloc's promises, free()
// and realloc() know its blocks, and what it says of itself adds up.
#include "../heaps.h"

int main(void) {
  strata_heap* const heap = strata_heap_create("a heap", STRATA_NO_LIMIT);
  expect(heap && !strcmp(strata_heap_name(heap), "a heap"));
  expect(strata_heap_limit(heap) == STRATA_NO_LIMIT);
  static const size_t sizes[] = {0, 1, 17, 500, 1024, 1025, 30000, 32769, kMiB};
  size_t live = 0;
  errno = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    const size_t size = sizes[i];
    char* block = strata_heap_alloc(heap, size);
    expect(block && (uintptr_t)block % 16 == 0 && malloc_usable_size(block) >= size);
    expect(strata_heap_of(block) == heap);
    fill(block, size, 1);
    block = strata_heap_realloc(heap, block, size + 100);
    expect(holds(block, size, 1));
    block = realloc(block, 2 * size + 300);
    expect(holds(block, size, 1) && strata_heap_of(block) == heap);
    char* const zeroed = strata_heap_calloc(heap, 3, size + 1);
    for (size_t k = 0; k < 3 * size + 3; ++k) expect(zeroed[k] == 0);
    fill(zeroed, 3 * size + 3, 2);
    char* const aligned = strata_heap_aligned_alloc(heap, 4096, size);
    expect((uintptr_t)aligned % 4096 == 0);
    expect(holds(zeroed, 3 * size + 3, 2));
    expect(figures_of(heap).live_blocks == live + 3);
    free(zeroed);
    strata_heap_free(heap, aligned);
    expect(strata_heap_realloc(heap, strata_heap_realloc(heap, NULL, size), 0) == NULL);
    expect(figures_of(heap).live_blocks == ++live);
  }
  strata_heap_free(heap, NULL);
  expect(errno == 0);
  expect(strata_heap_aligned_alloc(heap, 3, 1) == NULL && errno == EINVAL);
  expect(strata_heap_calloc(heap, SIZE_MAX, 2) == NULL && errno == ENOMEM);
  expect(strata_heap_create(NULL, 1) == NULL && errno == EINVAL);
  void* const plain = malloc(10);
  expect(strata_heap_of(plain) == NULL && strata_heap_of(&live) == NULL);
  free(plain);
  strata_heap_destroy(heap);
  strata_heap_destroy(NULL);
}
