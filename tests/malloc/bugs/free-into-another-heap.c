// free-into-another-heap - a block of one heap, given to another.
// With  1 100 4000 60000
#include "../heaps.h"
#include "bug.h"

int main(int, char** argv) {
  strata_heap* const heap = strata_heap_create("bug", STRATA_NO_LIMIT);
  void* const block = strata_heap_alloc(heap, number(argv[1]));
  strata_heap* const other = strata_heap_create("other", STRATA_NO_LIMIT);
  strata_heap_free(other, block);
  unseen();
}
