// malloc/span.h - a unit of memory cut into blocks of one class, and what is known of it.
//
//     [block][block][block] … [block]|  not yet cut  ]        16 KiB of small blocks, 128 of medium
//                                     ^ carved
//
// A span belongs to an arena, which alone takes blocks from it and releases it, under its lock.
// Anyone gives blocks back: states first, then `free`, by so many as were marked; so what is
// counted can be found. Who makes it rise from 0 sets kPending in the same step and puts the span
// on its owner's stack, and until the owner has taken it from there the span is not released. All
// others have done with it when they have counted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "malloc/block_state.h"
#include "malloc/os.h"

namespace strata::alloc {

class Arena;

struct alignas(64) Span {
  static constexpr std::uint32_t kPending = std::uint32_t{1} << 31;

  std::atomic<Arena*> owner;
  Span* next;  // in the owner's list of its class; of a free one in its home
  Span* previous;
  Span* next_pending;
  bool is_listed;
  std::uint8_t size_class;
  std::uint8_t sweep;  // of its arena, the last that looked at it; and what it saw (arena_purge.cc)
  std::uint8_t seen;
  std::atomic<std::uint32_t> free;    // blocks that are marked so, and kPending
  std::atomic<std::uint32_t> carved;  // blocks cut so far
  std::uint32_t cursor;               // the granule at which the last search ended
  std::uint64_t purged;               // pages given back while other blocks live
  Span** home;                        // of a free one whose pages are there: who had it last

  std::uint32_t count_of_free() const { return free.load(std::memory_order_acquire) & ~kPending; }
};
static_assert(sizeof(Span) == 64);

/// Of a span, those that its bytes from `from` on lie on.
inline std::uint64_t pages_of(std::size_t from, std::size_t bytes) {
  const std::size_t first = from / os::page(), last = (from + bytes - 1) / os::page();
  return (~std::uint64_t{0} >> (63 - (last - first))) << first;
}

inline void link(Span*& head, Span& span) {
  if (head == nullptr) {
    head = span.next = span.previous = &span;
    return;
  }
  span.next = head;
  span.previous = head->previous;
  head->previous->next = &span;
  head->previous = &span;
}

inline void unlink(Span*& head, Span& span) {
  if (span.next == &span) {
    head = nullptr;
    return;
  }
  span.previous->next = span.next;
  span.next->previous = span.previous;
  if (head == &span) head = span.next;
}

inline void leave_home(Span& span) {
  if (span.home != nullptr) unlink(*span.home, span);
  span.home = nullptr;
}

}  // namespace strata::alloc
