// free-into-no-heap - a block of a heap, given to what is none.
// With  1
#include "../heaps.h"
#include "bug.h"

int main(int, char** argv) {
  strata_heap* const heap = strata_heap_create("bug", STRATA_NO_LIMIT);
  void* const block = strata_heap_alloc(heap, number(argv[1]));
  strata_heap_free(opaque(&block), block);
  unseen();
}
