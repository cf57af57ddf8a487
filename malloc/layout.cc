// The table by which another process reads this heap.
#include <cstddef>
#include <cstring>

#include "abi/malloc_layout.h"
#include "malloc/arena.h"
#include "malloc/heap.h"
#include "malloc/options.h"
#include "malloc/samples.h"
#include "malloc/space.h"

namespace strata::alloc {

extern "C" {
extern abi::MallocLayout strata_malloc_layout __attribute__((visibility("default")));
alignas(16) constinit abi::MallocLayout strata_malloc_layout{};
}

namespace {

template <class T>
std::uint64_t address(const T* of) {
  return reinterpret_cast<std::uintptr_t>(of);
}

}  // namespace

void Zone::describe(abi::MallocZone& into, std::uint64_t& dirty, std::uint64_t& clean) const {
  dirty = address(dirty_.words());
  clean = address(clean_.words());
  into = {base(),
          data_.size(),
          address(states_),
          address(spans_),
          address(&frontier_),
          shape_.unit_shift,
          shape_.granule_shift};
}

void PageHeap::describe(abi::MallocLayout& into) const {
  into.pages = {data_.start(), data_.size(), address(entries_), address(dirty_),
                address(&frontier_)};
  into.entry_size = sizeof(Entry);
  into.entry_pages = offsetof(Entry, pages);
  into.entry_use = offsetof(Entry, use);
  into.entry_owner = offsetof(Entry, owner);
}

void Arena::describe(abi::MallocLayout& into) {
  into.arenas = address(&first_);
  into.arena_next = offsetof(Arena, next_);
  into.arena_idle = offsetof(Arena, is_idle_);
  into.arena_thread = offsetof(Arena, thread_);
}

void Heap::describe(abi::MallocLayout& into) {
  into.heaps = address(&newest_);
  into.heap_next = offsetof(Heap, next_);
  into.heap_arena = offsetof(Heap, arena_);
  into.heap_name = offsetof(Heap, name_);
  into.heap_name_bytes = kNameBytes;
  into.heap_number = offsetof(Heap, number_);
  into.heap_limit = offsetof(Heap, limit_);
  into.heap_peak = offsetof(Heap, peak_);
  into.heap_refused = offsetof(Heap, refused_);
}

void Space::describe() const {
  abi::MallocLayout& layout = strata_malloc_layout;
  small.describe(layout.small, layout.small_dirty, layout.small_clean);
  medium.describe(layout.medium, layout.medium_dirty, layout.medium_clean);
  pages.describe(layout);
  Arena::describe(layout);
  Heap::describe(layout);
  layout.metadata = metadata_.start();
  layout.metadata_bytes = metadata_.size() + Samples::kReserved;
  layout.all = base;
  layout.all_bytes = layout.metadata + layout.metadata_bytes - base;
  layout.class_sizes = address(detail::kSizes.data());
  layout.classes = kClasses;
  layout.page_size = os::kPage;
  layout.span_size = sizeof(Span);
  layout.span_owner = offsetof(Span, owner);
  layout.span_class = offsetof(Span, size_class);
  layout.span_free = offsetof(Span, free);
  layout.span_carved = offsetof(Span, carved);
  layout.span_purged = offsetof(Span, purged);
  layout.own = address(this);
  layout.own_bytes = sizeof *this;
  layout.background = address(option_at(Option::kBackground));
  layout.decay = address(option_at(Option::kDecay));
  layout.version = abi::kMallocVersion;
  layout.bytes = sizeof layout;
  // Last: who finds it may read the rest.
  std::memcpy(layout.magic, abi::kMallocMagic, sizeof layout.magic);
}

}  // namespace strata::alloc
