// tests/malloc/heaps.h - named heaps by their C header, in whatever library is preloaded: a test is
// linked to none of them, and where malloc has no named heaps it is skipped.
#pragma once

#include <strata/malloc.h>

#include "expect.h"

#pragma weak strata_heap_create
#pragma weak strata_heap_alloc
#pragma weak strata_heap_calloc
#pragma weak strata_heap_aligned_alloc
#pragma weak strata_heap_realloc
#pragma weak strata_heap_free
#pragma weak strata_heap_reset
#pragma weak strata_heap_destroy
#pragma weak strata_heap_limit
#pragma weak strata_heap_set_limit
#pragma weak strata_heap_name
#pragma weak strata_heap_of
#pragma weak strata_heap_statistics
#pragma weak strata_pool_create
#pragma weak strata_pool_alloc

__attribute__((constructor(201), unused)) static void need_heaps_(void) {
  if (&strata_heap_create) return;
  dprintf(2, "this malloc has no named heaps\n");
  _exit(77);
}

__attribute__((unused)) static inline struct strata_heap_figures figures_of(strata_heap* heap) {
  struct strata_heap_figures figures;
  strata_heap_statistics(heap, &figures, sizeof figures);
  return figures;
}
