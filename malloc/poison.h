// malloc/poison.h - in a build with AddressSanitizer, a block that is free is poisoned, so that
// nobody touches it: not a test, and not this malloc, which promises as much. In others it is
// nothing.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define STRATA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STRATA_POISONS 1
#endif
#endif

#if defined(STRATA_POISONS)
#include <sanitizer/asan_interface.h>
#endif

namespace strata::alloc {

inline void poison([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes) {
#if defined(STRATA_POISONS)
  ASAN_POISON_MEMORY_REGION(block, bytes);
#endif
}
inline void unpoison([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes) {
#if defined(STRATA_POISONS)
  ASAN_UNPOISON_MEMORY_REGION(block, bytes);
#endif
}

}  // namespace strata::alloc
