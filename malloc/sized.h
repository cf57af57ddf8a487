// malloc/sized.h - freeing what is said to have a size: sized delete, free_sized() and their like.
//
// Where check_sizes is on, every push of a cache is slow (cache.h), and on that way the size is
// held against the block's class or run. Where it is off, this is release().
//
// Errors  a size that the block cannot have been asked for with ends the program.
// Threads any number at once.
#pragma once

#include <cstddef>

#include "malloc/block.h"

namespace strata::alloc {

/// Who says of what size and alignment a block is.
enum class Sized { kDelete, kFree, kFreeAligned };
[[gnu::noinline]] void overflow_sized(void* block, unsigned size_class, std::size_t bytes,
                                      std::size_t alignment, Sized by);
[[gnu::cold, gnu::noinline]] void release_sized_slowly(void* block, std::size_t bytes,
                                                       std::size_t alignment, Sized by);

// Numbers one by one: in registers they cost the fast path nothing.
[[gnu::always_inline]] inline void release_sized(void* block, std::size_t bytes,
                                                 std::size_t alignment, Sized by) {
  State* state;
  if (!space.small.find_state<4>(block, state)) [[unlikely]] {
    if (!space.medium.find_state<8>(block, state)) {
      return release_sized_slowly(block, bytes, alignment, by);
    }
  }
  const std::size_t is = state->load(std::memory_order_relaxed);
  if (is >= kClasses) [[unlikely]]
    return release_unusual(block, static_cast<std::uint8_t>(is));
  // As release().
  Cache::push_or(block, is, *state,
                 [&] { overflow_sized(block, static_cast<unsigned>(is), bytes, alignment, by); });
}

}  // namespace strata::alloc
