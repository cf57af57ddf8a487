// use-of-a-heap-that-was-destroyed - also where its record serves another heap by now.
// With  1 100 60000
#include "../heaps.h"
#include "bug.h"

int main(int, char** argv) {
  strata_heap* const heap = strata_heap_create("bug", STRATA_NO_LIMIT);
  void* const block = strata_heap_alloc(heap, number(argv[1]));
  strata_heap_destroy(heap);
  if (malloc_usable_size(malloc(number(argv[1]))) > 64) strata_heap_create("next", 1000);
  strata_heap_alloc(opaque(heap), sizeof block);
  unseen();
}
