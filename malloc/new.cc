// malloc/new.cc - every operator new and delete.
// Where there is no memory they need the C++ library: malloc/cxx_library.h.
#include <cstddef>
#include <new>

#include "malloc/cxx_library.h"
#include "malloc/sized.h"

#define STRATA_EXPORT __attribute__((visibility("default")))

namespace alloc = strata::alloc;

namespace {

/// What operator new does where there is no memory: asks the program's handler for some, for as
/// long as there is one; then null.
template <class Allocate>
[[gnu::cold, gnu::noinline]] void* ask_handler(Allocate allocate) {
  while (const std::new_handler handler = alloc::cxx::handler()) {
    handler();
    if (void* const block = allocate()) return block;
  }
  return nullptr;
}

template <class Allocate>
inline void* new_or_throw(Allocate allocate) {
  void* block = allocate();
  if (block == nullptr) [[unlikely]]
    block = ask_handler(allocate);
  if (block == nullptr) [[unlikely]]
    alloc::cxx::throw_bad_alloc();
  return block;
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
  return block != nullptr ? block : alloc::cxx::try_new(bytes);
}
STRATA_EXPORT void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  void* const block = alloc::allocate(bytes);
  return block != nullptr ? block : alloc::cxx::try_new_array(bytes);
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
  return block != nullptr ? block : alloc::cxx::try_new(bytes, alignment);
}
STRATA_EXPORT void* operator new[](std::size_t bytes, std::align_val_t alignment,
                                   const std::nothrow_t&) noexcept {
  void* const block = alloc::allocate_aligned(bytes, static_cast<std::size_t>(alignment));
  return block != nullptr ? block : alloc::cxx::try_new_array(bytes, alignment);
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
