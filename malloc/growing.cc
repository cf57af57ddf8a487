#include "malloc/growing.h"

#include <algorithm>

namespace strata::alloc {
namespace {

constexpr std::size_t kLeastAhead = std::size_t{64} << 10;
constexpr std::size_t kMostAhead = std::size_t{64} << 20;

constexpr std::uintptr_t up_to_page(std::uintptr_t at) {
  return (at + os::kPage - 1) / os::kPage * os::kPage;
}

}  // namespace

bool Growing::grow(std::uintptr_t to) {
  if (to > end_) return false;
  const std::size_t ahead = std::clamp(committed() / 2, kLeastAhead, kMostAhead);
  const std::uintptr_t least = up_to_page(to);
  // Where little is left of what may be mapped, just what is needed.
  for (std::uintptr_t wanted : {std::min(end_, up_to_page(to + ahead)), least}) {
    if (!os::commit(reinterpret_cast<void*>(front_), wanted - front_)) continue;
    front_ = wanted;
    return true;
  }
  return false;
}

void Growing::retreat(std::size_t bytes) {
  const std::uintptr_t to = up_to_page(start_ + bytes);
  if (to >= front_) return;
  // What is still mapped is committed still: it could not be mapped anew.
  if (os::unmap(reinterpret_cast<void*>(to), front_ - to)) front_ = to;
}

}  // namespace strata::alloc
