// For the archive; compiled with exceptions, alone of all that is here.
#include "malloc/cxx_library.h"

namespace strata::alloc::cxx {
namespace {

template <class Allocate>
void* null_if_thrown(Allocate allocate) {
  // Without one there is nobody who could have found memory since.
  if (handler() == nullptr) return nullptr;
  try {
    return allocate();
  } catch (...) {
    return nullptr;
  }
}

}  // namespace

std::new_handler handler() { return std::get_new_handler(); }

void throw_bad_alloc() { throw std::bad_alloc(); }

void* try_new(std::size_t bytes) noexcept {
  return null_if_thrown([=] { return operator new(bytes); });
}

void* try_new(std::size_t bytes, std::align_val_t alignment) noexcept {
  return null_if_thrown([=] { return operator new(bytes, alignment); });
}

void* try_new_array(std::size_t bytes) noexcept {
  return null_if_thrown([=] { return operator new[](bytes); });
}

void* try_new_array(std::size_t bytes, std::align_val_t alignment) noexcept {
  return null_if_thrown([=] { return operator new[](bytes, alignment); });
}

}  // namespace strata::alloc::cxx
