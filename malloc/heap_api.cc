// malloc/heap_api.cc - named heaps, as programs call them (malloc/include/strata/malloc.h).
#include <errno.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "malloc/heap.h"
#include "malloc/include/strata/malloc.h"

#define STRATA_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using strata::alloc::Heap;
using Contents = strata::alloc::PageHeap::Contents;

strata_heap* handle_of(const Heap* heap) {
  return heap == nullptr ? nullptr : static_cast<strata_heap*>(heap->handle());
}

}  // namespace

STRATA_EXPORT strata_heap* strata_heap_create(const char* name, std::size_t limit) {
  return handle_of(Heap::create(name, limit, {}));
}

STRATA_EXPORT strata_heap* strata_pool_create(const char* name, std::size_t object_size,
                                              std::size_t alignment, std::size_t limit) {
  if (object_size == 0) {
    errno = EINVAL;
    return nullptr;
  }
  return handle_of(Heap::create(name, limit, {object_size, alignment}));
}

STRATA_EXPORT void* strata_heap_alloc(strata_heap* heap, std::size_t bytes) {
  return Heap::at(heap, "strata_heap_alloc").take(bytes, 1, Contents::kAny);
}

STRATA_EXPORT void* strata_pool_alloc(strata_heap* pool) {
  return Heap::at(pool, "strata_pool_alloc").take_object();
}

STRATA_EXPORT void* strata_heap_calloc(strata_heap* heap, std::size_t count, std::size_t bytes) {
  Heap& of = Heap::at(heap, "strata_heap_calloc");
  std::size_t all = 0;
  // What is too much for any heap is refused, and counted, as such.
  if (__builtin_mul_overflow(count, bytes, &all)) all = SIZE_MAX;
  return of.take(all, 1, Contents::kZero);
}

STRATA_EXPORT void* strata_heap_aligned_alloc(strata_heap* heap, std::size_t alignment,
                                              std::size_t bytes) {
  Heap& of = Heap::at(heap, "strata_heap_aligned_alloc");
  if (!std::has_single_bit(alignment)) {
    errno = EINVAL;
    return nullptr;
  }
  return of.take(bytes, alignment, Contents::kAny);
}

STRATA_EXPORT void* strata_heap_realloc(strata_heap* heap, void* block, std::size_t bytes) {
  Heap& of = Heap::at(heap, "strata_heap_realloc");
  if (block == nullptr) return of.take(bytes, 1, Contents::kAny);
  if (bytes != 0) return of.resize(block, bytes, "strata_heap_realloc");
  of.give(block, "strata_heap_realloc");
  return nullptr;
}

STRATA_EXPORT void strata_heap_free(strata_heap* heap, void* block) {
  Heap::at(heap, "strata_heap_free").give(block, "strata_heap_free");
}

STRATA_EXPORT void strata_heap_reset(strata_heap* heap) {
  Heap::at(heap, "strata_heap_reset").reset();
}

STRATA_EXPORT void strata_heap_destroy(strata_heap* heap) {
  if (heap != nullptr) Heap::at(heap, "strata_heap_destroy").destroy();
}

STRATA_EXPORT std::size_t strata_heap_limit(const strata_heap* heap) {
  return Heap::at(heap, "strata_heap_limit").limit();
}

STRATA_EXPORT void strata_heap_set_limit(strata_heap* heap, std::size_t limit) {
  Heap::at(heap, "strata_heap_set_limit").set_limit(limit);
}

STRATA_EXPORT const char* strata_heap_name(const strata_heap* heap) {
  return Heap::at(heap, "strata_heap_name").name();
}

STRATA_EXPORT strata_heap* strata_heap_of(const void* block) { return handle_of(Heap::of(block)); }

STRATA_EXPORT void strata_heap_statistics(const strata_heap* heap, strata_heap_figures* into,
                                          std::size_t size) {
  const Heap::Figures figures = Heap::at(heap, "strata_heap_statistics").figures();
  const strata_heap_figures known{figures.live_blocks, figures.live_bytes,  figures.held_bytes,
                                  figures.peak_bytes,  figures.limit_bytes, figures.refused};
  std::memset(into, 0, size);
  std::memcpy(into, &known, std::min(size, sizeof known));
}
