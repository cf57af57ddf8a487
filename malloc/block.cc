#include "malloc/block.h"

#include <errno.h>

#include <algorithm>
#include <cstring>

#include "malloc/decay.h"
#include "malloc/report.h"

namespace strata::alloc {
namespace {

constexpr const char* kFreedTwice = "the block is free already";
constexpr const char* kInside = "no block begins there";
constexpr const char* kForeign = "the address is not one that malloc gave";

// A thread asks whether it is time to decay when it has freed so many runs, or so much in them.
constexpr unsigned kRunsNoted = 8;
constexpr std::size_t kBytesNoted = std::size_t{16} << 20;

struct Freed {
  unsigned runs;
  std::size_t bytes;
};
thread_local constinit Freed freed{};

void note_freed(std::size_t bytes) {
  freed.bytes += bytes;
  if (++freed.runs < kRunsNoted && freed.bytes < kBytesNoted) return;
  freed = {};
  decay_if_due();
}

/// The state that an address has; null where no small or medium block can begin.
State* find_state(const void* address) {
  State* state;
  const bool is_here =
      space.small.find_state<4>(address, state) || space.medium.find_state<8>(address, state);
  return is_here ? state : nullptr;
}

}  // namespace

void die_of(const char* caller, const void* address) {
  if (const State* const state = find_state(address)) {
    die(caller, address, state->load(std::memory_order_relaxed) != 0 ? kFreedTwice : kInside);
  }
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const bool is_near = at >= space.base && at < space.pages.end();
  die(caller, address, is_near ? kInside : kForeign);
}

void* allocate_pages(std::size_t bytes, std::size_t alignment, PageHeap::Contents contents) {
  if (bytes <= PTRDIFF_MAX && (space.has_begun() || space.begin())) {
    if (void* const block = space.pages.take(bytes, alignment, contents)) return block;
    cache.empty();
    retreat();
    if (void* const block = space.pages.take(bytes, alignment, contents)) return block;
  }
  errno = ENOMEM;
  return nullptr;
}

void release_slowly(void* block) {
  if (block == nullptr) return;
  if (space.pages.contains(block)) {
    const std::size_t bytes = space.pages.size_of(block);
    if (bytes > 0 && space.pages.give(block)) {
      return note_freed(bytes);
    }
  }
  die_of("free", block);
}

void* allocate_zeroed(std::size_t bytes) {
  if (bytes > kMostMedium) return allocate_pages(bytes, 1, PageHeap::Contents::kZero);
  void* const block = allocate(bytes);
  if (block != nullptr) std::memset(block, 0, bytes);
  return block;
}

void* allocate_aligned(std::size_t bytes, std::size_t alignment) {
  if (alignment <= kGranule) return allocate(bytes);
  if (bytes <= kMostMedium && alignment <= kMostMedium) {
    // Spans begin at multiples of all these, so a block is aligned where its size is a multiple.
    for (unsigned c = class_of(std::max(bytes, alignment)); c < kClasses; ++c) {
      const std::size_t size = size_of_class(c);
      if (size % alignment == 0) return allocate(size);
    }
  }
  return allocate_pages(std::max<std::size_t>(bytes, 1), alignment, PageHeap::Contents::kAny);
}

std::size_t usable_size(const void* block, const char* caller) {
  if (space.pages.contains(block)) {
    if (const std::size_t size = space.pages.size_of(block)) return size;
  } else if (const State* const state = find_state(block)) {
    const std::uint8_t is = state->load(std::memory_order_relaxed);
    if (is_live(is)) return size_of_class(is);
  }
  die_of(caller, block);
}

void* resize(void* block, std::size_t bytes, const char* caller) {
  const std::size_t before = usable_size(block, caller);
  if (bytes > kMostMedium && before > kMostMedium) {
    if (void* const resized = space.pages.resize(block, bytes)) return resized;
  } else if (bytes <= before && (bytes >= before / 2 || before <= 64)) {
    return block;
  }
  void* const copy = allocate(bytes);
  if (copy == nullptr) return nullptr;
  std::memcpy(copy, block, std::min(before, bytes));
  release(block);
  return copy;
}

}  // namespace strata::alloc
