// For the shared library, which needs no C++ library.
#include <bits/c++config.h>
#include <dlfcn.h>

#include "malloc/cxx_library.h"

namespace std {
[[noreturn]] __attribute__((weak)) void __throw_bad_alloc();
__attribute__((weak)) new_handler get_new_handler() noexcept;
}  // namespace std

namespace strata::alloc::cxx {
namespace {

/// The C++ library's own nothrow form, which calls operator new and catches.
template <class... Arguments>
void* catch_of_library(const char* symbol, Arguments... arguments) {
  if (handler() == nullptr) return nullptr;
  void* const found = dlsym(RTLD_NEXT, symbol);
  if (found == nullptr) return nullptr;
  // Its own is an object of that library.
  const std::nothrow_t tag{};
  return reinterpret_cast<void* (*)(Arguments..., const std::nothrow_t&)>(found)(arguments..., tag);
}

}  // namespace

std::new_handler handler() {
  return std::get_new_handler == nullptr ? nullptr : std::get_new_handler();
}

void throw_bad_alloc() {
  if (std::__throw_bad_alloc != nullptr) std::__throw_bad_alloc();
  __builtin_trap();
}

void* try_new(std::size_t bytes) noexcept { return catch_of_library("_ZnwmRKSt9nothrow_t", bytes); }

void* try_new(std::size_t bytes, std::align_val_t alignment) noexcept {
  return catch_of_library("_ZnwmSt11align_val_tRKSt9nothrow_t", bytes, alignment);
}

void* try_new_array(std::size_t bytes) noexcept {
  return catch_of_library("_ZnamRKSt9nothrow_t", bytes);
}

void* try_new_array(std::size_t bytes, std::align_val_t alignment) noexcept {
  return catch_of_library("_ZnamSt11align_val_tRKSt9nothrow_t", bytes, alignment);
}

}  // namespace strata::alloc::cxx
