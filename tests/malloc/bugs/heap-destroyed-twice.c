// heap-destroyed-twice - and its record serves another heap by now.
// With  1 100
#include "../heaps.h"
#include "bug.h"

int main(int, char** argv) {
  strata_heap* const heap = strata_heap_create("bug", STRATA_NO_LIMIT);
  void* const block = strata_heap_alloc(heap, number(argv[1]));
  strata_heap_destroy(heap);
  strata_heap_create("next", sizeof block);
  strata_heap_destroy(opaque(heap));
  unseen();
}
