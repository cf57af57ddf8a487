#include "malloc/sized.h"

#include <algorithm>

#include "malloc/options.h"
#include "malloc/os.h"
#include "malloc/report.h"

namespace strata::alloc {
namespace {

const char* name_of(Sized by) {
  switch (by) {
    case Sized::kDelete:
      return "operator delete";
    case Sized::kFree:
      return "free_sized";
    case Sized::kFreeAligned:
      break;
  }
  return "free_aligned_sized";
}

/// realloc() leaves what shrinks a little where it is.
bool may_have_shrunk(std::size_t length, std::size_t bytes, Sized by) {
  return by == Sized::kFree && stays(length, bytes);
}

/// Whether a block of a class may have been asked for so.
bool may_be(unsigned size_class, std::size_t bytes, std::size_t alignment, Sized by) {
  return (bytes <= kMostMedium && aligned_class_of(bytes, alignment) == size_class) ||
         may_have_shrunk(size_of_class(size_class), bytes, by);
}

/// Whether a run of so many bytes may: one at hand is up to an eighth longer than is asked for.
bool may_be_run(std::size_t length, std::size_t bytes, std::size_t alignment, Sized by) {
  const std::size_t pages = length / os::kPage;
  const std::size_t wanted = space.pages.length_for(std::max<std::size_t>(bytes, 1));
  const bool is_run = aligned_class_of(bytes, alignment) == 0;
  return (is_run && wanted <= pages && pages - wanted <= wanted / 8) ||
         may_have_shrunk(length, bytes, by);
}

}  // namespace

void overflow_sized(void* block, unsigned size_class, std::size_t bytes, std::size_t alignment,
                    Sized by) {
  if (size_class != 0 && option(Option::kCheckSizes) != 0 &&
      !may_be(size_class, bytes, alignment, by)) {
    die_of_size(name_of(by), block, bytes, size_of_class(size_class));
  }
  Cache::overflow(block, size_class);
}

void release_sized_slowly(void* block, std::size_t bytes, std::size_t alignment, Sized by) {
  if (option(Option::kCheckSizes) != 0 && space.pages.contains(block) &&
      space.pages.owner_of(block) == 0) {
    const std::size_t length = space.pages.size_of(block);
    if (length > 0 && !may_be_run(length, bytes, alignment, by)) {
      die_of_size(name_of(by), block, bytes, length);
    }
  }
  release_slowly(block);
}

}  // namespace strata::alloc
