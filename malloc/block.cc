#include "malloc/block.h"

#include <errno.h>

#include <algorithm>
#include <cstring>

#include "malloc/decay.h"
#include "malloc/heap.h"
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

}  // namespace

void die_of(const char* caller, const void* address) {
  if (const State* const state = space.find_state(address)) {
    die(caller, address, state->load(std::memory_order_relaxed) != 0 ? kFreedTwice : kInside);
  }
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const bool is_near = at >= space.base && at < space.pages.end();
  die(caller, address, is_near ? kInside : kForeign);
}

void* allocate_pages(std::size_t bytes, std::size_t alignment, PageHeap::Contents contents) {
  if (bytes <= PTRDIFF_MAX && (space.has_begun() || space.begin())) {
    void* block = space.pages.take(bytes, alignment, contents);
    if (block == nullptr) {
      cache.empty();
      retreat();
      block = space.pages.take(bytes, alignment, contents);
    }
    if (block != nullptr) {
      if (cache.counts()) cache.count(block, space.pages.size_of(block), bytes);
      return block;
    }
  }
  errno = ENOMEM;
  return nullptr;
}

void release_slowly(void* block) {
  if (block == nullptr) return;
  if (space.pages.contains(block)) {
    const PageHeap::Live live = space.pages.live(block);
    if (live.owner != 0) return Heap::of(block)->give(block, "free");
    // Before another has a block there.
    if (live.bytes > 0) samples.remove(block);
    if (live.bytes > 0 && space.pages.give(block)) return note_freed(live.bytes);
  }
  die_of("free", block);
}

void release_unusual(void* block, std::uint8_t state) {
  if (is_marked(state)) {
    if (Heap* const heap = Heap::of(block)) return heap->give(block, "free");
    // Who frees it twice at a time finds no record the second time.
    if (samples.remove(block)) {
      return Cache::push(block, class_of_state(state), *space.find_state(block));
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
  if (const unsigned c = aligned_class_of(bytes, alignment)) return allocate(size_of_class(c));
  return allocate_pages(std::max<std::size_t>(bytes, 1), alignment, PageHeap::Contents::kAny);
}

std::size_t usable_size(const void* block, const char* caller) {
  if (space.pages.contains(block)) {
    if (const std::size_t size = space.pages.size_of(block)) return size;
  } else if (const State* const state = space.find_state(block)) {
    const std::uint8_t is = state->load(std::memory_order_relaxed);
    if (is_live(is) || is_marked(is)) return size_of_class(class_of_state(is));
  }
  die_of(caller, block);
}

namespace {

void* move(void* block, std::size_t before, std::size_t bytes) {
  void* const copy = allocate(bytes);
  if (copy == nullptr) return nullptr;
  std::memcpy(copy, block, std::min(before, bytes));
  release(block);
  return copy;
}

void* resize_run(void* block, std::size_t before, std::size_t bytes) {
  if (bytes <= kMostMedium) return move(block, before, bytes);
  // To the profile it is freed here and another allocated. Before another has a block there.
  abi::MallocSample sample;
  const bool was_sampled = samples.may_have(block) && samples.take(block, sample);
  void* const resized = space.pages.resize(block, bytes);
  if (resized != nullptr) {
    cache.count(resized, space.pages.size_of(resized), bytes);
    return resized;
  }
  void* const copy = move(block, before, bytes);
  if (copy == nullptr && was_sampled) samples.put_back(sample);
  return copy;
}

}  // namespace

void* resize(void* block, std::size_t bytes, const char* caller) {
  const State* const state = space.find_state(block);
  const std::uint8_t is = state == nullptr ? 0 : state->load(std::memory_order_relaxed);
  const bool is_plain_run =
      state == nullptr && space.pages.contains(block) && space.pages.owner_of(block) == 0;
  if (!is_live(is) && !is_plain_run) {
    if (Heap* const heap = Heap::of(block)) return heap->resize(block, bytes, caller);
  }
  const std::size_t before = is_live(is) ? size_of_class(is) : usable_size(block, caller);
  if (state == nullptr) return resize_run(block, before, bytes);
  return stays(before, bytes) ? block : move(block, before, bytes);
}

}  // namespace strata::alloc
