// malloc/block.h - what malloc() and its like do, under names of our own, so that tests can call
// them beside the C library's. Errors  null, and errno ENOMEM, where there is no memory; else errno
// stays as it was. Misuse ends
//         the program.
// Threads any number at once.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "malloc/cache.h"
#include "malloc/size_class.h"
#include "malloc/space.h"

namespace strata::alloc {

void* allocate_pages(std::size_t bytes, std::size_t alignment, PageHeap::Contents contents);
[[gnu::noinline]] void release_slowly(void* block);
/// Of a small or medium block, what free() does not take at once: a named heap's, one that was
/// sampled, or none that is live.
[[gnu::cold, gnu::noinline]] void release_unusual(void* block, std::uint8_t state);
/// Ends the program: what was given to `caller` is no live block.
[[noreturn, gnu::cold, gnu::noinline]] void die_of(const char* caller, const void* address);

inline void* allocate(std::size_t bytes) {
  if (bytes <= kMostSmall) [[likely]] {
    return Cache::pop<4>(small_class_of(bytes), space.small, bytes);
  }
  if (bytes <= kMostMedium) return Cache::pop<8>(medium_class_of(bytes), space.medium, bytes);
  return allocate_pages(bytes, 1, PageHeap::Contents::kAny);
}

inline void release(void* block) {
  State* state;
  if (!space.small.find_state<4>(block, state)) [[unlikely]] {
    if (!space.medium.find_state<8>(block, state)) return release_slowly(block);
  }
  const std::size_t is = state->load(std::memory_order_relaxed);
  if (is >= kClasses) [[unlikely]]
    return release_unusual(block, static_cast<std::uint8_t>(is));
  // Of no class, where no block begins: its bin is always full.
  Cache::push(block, is, *state);
}

void* allocate_zeroed(std::size_t bytes);
/// `alignment` is a power of two.
void* allocate_aligned(std::size_t bytes, std::size_t alignment);
/// Whether a small or medium block stays where it is when it is to have so many bytes.
constexpr bool stays(std::size_t before, std::size_t bytes) {
  return bytes <= before && (bytes >= before / 2 || before <= 64);
}
/// The block made as long as `bytes`, which are not 0; null where there is no memory, and the block
/// stays.
void* resize(void* block, std::size_t bytes, const char* caller);
/// Of a live block; of anything else the program ends, as `caller` asked.
std::size_t usable_size(const void* block, const char* caller);

}  // namespace strata::alloc
