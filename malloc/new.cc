// malloc/new.cc - every operator new and delete.
// What throws is the C++ library's and only there where a program uses C++; this library needs
// none.
#include <bits/c++config.h>
#include <dlfcn.h>

#include <cstddef>
#include <new>

#include "malloc/sized.h"

#define STRATA_EXPORT __attribute__((visibility("default")))

namespace std {
[[noreturn]] __attribute__((weak)) void __throw_bad_alloc();
__attribute__((weak)) new_handler get_new_handler() noexcept;
}  // namespace std

namespace alloc = strata::alloc;

namespace {

/// What operator new does where there is no memory: asks the program's handler for some, for as
/// long as there is one; then null.
template <class Allocate>
[[gnu::cold, gnu::noinline]] void* ask_handler(Allocate allocate) {
  while (std::get_new_handler != nullptr) {
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) break;
    handler();
    if (void* const block = allocate()) return block;
  }
  return nullptr;
}

[[noreturn, gnu::cold, gnu::noinline]] void throw_bad_alloc() {
  if (std::__throw_bad_alloc != nullptr) std::__throw_bad_alloc();
  __builtin_trap();
}

template <class Allocate>
inline void* new_or_throw(Allocate allocate) {
  void* block = allocate();
  if (block == nullptr) [[unlikely]]
    block = ask_handler(allocate);
  if (block == nullptr) [[unlikely]]
    throw_bad_alloc();
  return block;
}

/// The C++ library's own, which calls operator new above and catches what that, or a handler,
/// throws.
template <class... Arguments>
[[gnu::cold, gnu::noinline]] void* catch_of_library(const char* symbol, Arguments... arguments) {
  if (std::get_new_handler == nullptr || std::get_new_handler() == nullptr) return nullptr;
  void* const found = dlsym(RTLD_NEXT, symbol);
  if (found == nullptr) return nullptr;
  // Its own is an object of that library.
  const std::nothrow_t tag{};
  return reinterpret_cast<void* (*)(Arguments..., const std::nothrow_t&)>(found)(arguments..., tag);
}

[[gnu::always_inline]] inline void release_sized(void* block, std::size_t bytes,
                                                 std::size_t alignment = 1) {
  alloc::release_sized(block, bytes, alignment, alloc::Sized::kDelete);
}

}  // namespace

STRATA_EXPORT void* operator new(std::size_t bytes) {
  return new_or_throw([=] { return alloc::allocate(bytes); });
}
STRATA_EXPORT void* operator new[](std::size_t bytes) {
  return new_or_throw([=] { return alloc::allocate(bytes); });
}
STRATA_EXPORT void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  void* const block = alloc::allocate(bytes);
  return block != nullptr ? block : catch_of_library("_ZnwmRKSt9nothrow_t", bytes);
}
STRATA_EXPORT void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  void* const block = alloc::allocate(bytes);
  return block != nullptr ? block : catch_of_library("_ZnamRKSt9nothrow_t", bytes);
}
STRATA_EXPORT void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return new_or_throw(
      [=] { return alloc::allocate_aligned(bytes, static_cast<std::size_t>(alignment)); });
}
STRATA_EXPORT void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return new_or_throw(
      [=] { return alloc::allocate_aligned(bytes, static_cast<std::size_t>(alignment)); });
}
STRATA_EXPORT void* operator new(std::size_t bytes, std::align_val_t alignment,
                                 const std::nothrow_t&) noexcept {
  void* const block = alloc::allocate_aligned(bytes, static_cast<std::size_t>(alignment));
  return block != nullptr
             ? block
             : catch_of_library("_ZnwmSt11align_val_tRKSt9nothrow_t", bytes, alignment);
}
STRATA_EXPORT void* operator new[](std::size_t bytes, std::align_val_t alignment,
                                   const std::nothrow_t&) noexcept {
  void* const block = alloc::allocate_aligned(bytes, static_cast<std::size_t>(alignment));
  return block != nullptr
             ? block
             : catch_of_library("_ZnamSt11align_val_tRKSt9nothrow_t", bytes, alignment);
}

STRATA_EXPORT void operator delete(void* block) noexcept { alloc::release(block); }
STRATA_EXPORT void operator delete[](void* block) noexcept { alloc::release(block); }
STRATA_EXPORT void operator delete(void* block, std::size_t bytes) noexcept {
  release_sized(block, bytes);
}
STRATA_EXPORT void operator delete[](void* block, std::size_t bytes) noexcept {
  release_sized(block, bytes);
}
STRATA_EXPORT void operator delete(void* block, const std::nothrow_t&) noexcept {
  alloc::release(block);
}
STRATA_EXPORT void operator delete[](void* block, const std::nothrow_t&) noexcept {
  alloc::release(block);
}
STRATA_EXPORT void operator delete(void* block, std::align_val_t) noexcept {
  alloc::release(block);
}
STRATA_EXPORT void operator delete[](void* block, std::align_val_t) noexcept {
  alloc::release(block);
}
STRATA_EXPORT void operator delete(void* block, std::size_t bytes,
                                   std::align_val_t alignment) noexcept {
  release_sized(block, bytes, static_cast<std::size_t>(alignment));
}
STRATA_EXPORT void operator delete[](void* block, std::size_t bytes,
                                     std::align_val_t alignment) noexcept {
  release_sized(block, bytes, static_cast<std::size_t>(alignment));
}
STRATA_EXPORT void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  alloc::release(block);
}
STRATA_EXPORT void operator delete[](void* block, std::align_val_t,
                                     const std::nothrow_t&) noexcept {
  alloc::release(block);
}
