// malloc/entry.cc - malloc() and all of its family, as the C library and POSIX have them.
// Source  malloc(3), posix_memalign(3), malloc_usable_size(3); C23 7.24.3.
#include <errno.h>
#include <stdlib.h>

#include "malloc/block.h"
#include "malloc/os.h"
#include "malloc/sized.h"

#define STRATA_EXPORT extern "C" __attribute__((visibility("default")))

namespace alloc = strata::alloc;

namespace {

[[gnu::cold, gnu::noinline]] void* no_memory() {
  errno = ENOMEM;
  return nullptr;
}

constexpr bool is_power_of_two(std::size_t number) { return std::has_single_bit(number); }

/// As memalign() takes them: rounded up to a power of two.
void* allocate_at(std::size_t alignment, std::size_t bytes) {
  constexpr std::size_t kMost = std::size_t{1} << 62;
  if (alignment > kMost) {
    errno = EINVAL;
    return nullptr;
  }
  return alloc::allocate_aligned(bytes, std::bit_ceil(alignment));
}

}  // namespace

STRATA_EXPORT void* malloc(std::size_t bytes) { return alloc::allocate(bytes); }

STRATA_EXPORT void free(void* block) { alloc::release(block); }
STRATA_EXPORT void cfree(void* block) { alloc::release(block); }
STRATA_EXPORT void free_sized(void* block, std::size_t bytes) {
  alloc::release_sized(block, bytes, 1, alloc::Sized::kFree);
}
STRATA_EXPORT void free_aligned_sized(void* block, std::size_t alignment, std::size_t bytes) {
  alloc::release_sized(block, bytes, alignment, alloc::Sized::kFreeAligned);
}

STRATA_EXPORT void* calloc(std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return no_memory();
  return alloc::allocate_zeroed(bytes);
}

STRATA_EXPORT void* realloc(void* block, std::size_t bytes) {
  if (block == nullptr) return malloc(bytes);
  if (bytes == 0) {
    alloc::release(block);
    return nullptr;
  }
  return alloc::resize(block, bytes, "realloc");
}

STRATA_EXPORT void* reallocarray(void* block, std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return no_memory();
  return realloc(block, bytes);
}

STRATA_EXPORT void* memalign(std::size_t alignment, std::size_t bytes) {
  return allocate_at(alignment, bytes);
}

STRATA_EXPORT void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  if (!is_power_of_two(alignment)) {
    errno = EINVAL;
    return nullptr;
  }
  return allocate_at(alignment, bytes);
}

STRATA_EXPORT int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) {
  if (!is_power_of_two(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  void* const block = alloc::allocate_aligned(bytes, alignment);
  if (block == nullptr) return ENOMEM;
  *result = block;
  return 0;
}

STRATA_EXPORT void* valloc(std::size_t bytes) { return allocate_at(alloc::os::kPage, bytes); }

STRATA_EXPORT void* pvalloc(std::size_t bytes) {
  const std::size_t mask = alloc::os::kPage - 1;
  if (bytes > SIZE_MAX - mask) return no_memory();
  return allocate_at(alloc::os::kPage, (bytes + mask) & ~mask);
}

STRATA_EXPORT std::size_t malloc_usable_size(void* block) {
  return block == nullptr ? 0 : alloc::usable_size(block, "malloc_usable_size");
}
