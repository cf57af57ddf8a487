// malloc/cxx_library.h - what operator new needs of the C++ library where there is no memory.
//
//     libstrata-malloc.so   cxx_weak.cc            programs without C++ use it too: all of it may
//     be
//                                                  missing, and is looked for when it is needed
//     libstrata-malloc.a    archive/cxx_linked.cc  operator new is an object of its own, which only
//                                                  what calls it is linked with: all of it is there
//
// Weak names alone would not do in an archive: they make a linker take nothing from the C++
// library's, and a static program whose new fails would find nobody to throw.
//
// Threads any number at once.
#pragma once

#include <cstddef>
#include <new>

namespace strata::alloc::cxx {

/// The program's; null where it has none.
std::new_handler handler();

[[noreturn, gnu::cold]] void throw_bad_alloc();

/// The operators new as their nothrow forms call them when there was no memory: null where they, or
/// a handler, throw.
[[gnu::cold]] void* try_new(std::size_t bytes) noexcept;
[[gnu::cold]] void* try_new(std::size_t bytes, std::align_val_t alignment) noexcept;
[[gnu::cold]] void* try_new_array(std::size_t bytes) noexcept;
[[gnu::cold]] void* try_new_array(std::size_t bytes, std::align_val_t alignment) noexcept;

}  // namespace strata::alloc::cxx
