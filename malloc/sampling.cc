// The public functions of sampling.
#include <errno.h>

#include "malloc/cache.h"
#include "malloc/include/strata/malloc.h"

#define STRATA_EXPORT extern "C" __attribute__((visibility("default")))

namespace alloc = strata::alloc;

STRATA_EXPORT int strata_malloc_sample(std::size_t bytes) {
  if (!alloc::space.has_begun() && !alloc::space.begin()) return ENOMEM;
  if (bytes != 0 && !alloc::samples.begin()) return ENOMEM;
  alloc::samples.want(bytes);
  alloc::cache.follow_sampling();
  return 0;
}

STRATA_EXPORT std::size_t strata_malloc_sampling() { return alloc::samples.wanted(); }
