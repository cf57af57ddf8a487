// free-of-a-block-of-a-heap-that-was-reset - the block went when the heap was reset.
// With  1 100 4000 60000
#include "../heaps.h"
#include "bug.h"

int main(int, char** argv) {
  strata_heap* const heap = strata_heap_create("bug", STRATA_NO_LIMIT);
  void* const block = strata_heap_alloc(heap, number(argv[1]));
  strata_heap_reset(heap);
  free(opaque(block));
  unseen();
}
