// What an arena gives back without being asked for it by free(): spans in which nothing is used,
// and pages of those that live on.
#include <utility>

#include "malloc/arena.h"
#include "malloc/os.h"
#include "malloc/space.h"

namespace strata::alloc {

std::size_t Arena::release_all() {
  const Hold hold(lock_);
  // Its heap's lock is held: nobody puts more on the stack.
  drain();
  const std::size_t before = held_;
  const auto release_ring = [&](Span*& head) {
    while (Span* const span = head) {
      unlink(head, *span);
      give_back(*span);
    }
  };
  for (Span*& head : lists_) release_ring(head);
  release_ring(full_);
  give_all_spare();
  return before;
}

void Arena::release_unused() {
  const Hold hold(lock_);
  drain();
  for (Span*& head : lists_) {
    std::size_t listed = 0;
    for (Span* span = head; span != nullptr; span = span->next) {
      ++listed;
      if (span->next == head) break;
    }
    for (Span* span = head; listed > 0; --listed) {
      Span* const next = span->next;
      release_if_all_free(*span);
      span = next;
    }
  }
  give_all_spare();
}

bool Arena::rests() {
  const std::uint64_t now = operations();
  return std::exchange(operations_seen_, now) == now;
}

std::size_t Arena::purge_spans() {
  std::size_t given = 0;
  const Hold hold(lock_);
  drain();
  for (Span* const head : lists_) {
    if (head == nullptr) continue;
    Span* span = head;
    do {
      given += purge_span(*span);
      span = span->next;
    } while (span != head);
  }
  give_all_spare();
  return given;
}

std::size_t Arena::purge_span(Span& span) {
  const std::size_t page = os::page();
  const unsigned size_class = span.size_class;
  const Zone& zone = space.zone(size_class);
  const std::size_t stride = zone.stride(size_class), size = size_of_class(size_class);
  const auto free = static_cast<std::uint8_t>(size_class | kInSpan);
  const std::uint32_t carved = span.carved.load(std::memory_order_relaxed);
  if (span.count_of_free() * size + zone.unit_size() - carved * size < page) return 0;
  const State* const states = zone.states_of(span);
  const std::uintptr_t address = zone.address_of(span);
  std::size_t given = 0;
  std::uint32_t from = 0;  // where a run of free blocks began
  for (std::uint32_t at = 0; at <= carved; ++at) {
    if (at < carved && states[at * stride].load(std::memory_order_acquire) == free) continue;
    std::size_t first = (from * size + page - 1) / page;
    // What is behind the last block goes with it, cut or not.
    const std::size_t end = (at < carved ? at * size : zone.unit_size()) / page;
    from = at + 1;
    while (first < end) {
      while (first < end && (span.purged >> first & 1) != 0) ++first;
      std::size_t last = first;
      while (last < end && (span.purged >> last & 1) == 0)
        span.purged |= std::uint64_t{1} << last++;
      if (last > first &&
          os::purge(reinterpret_cast<void*>(address + first * page), (last - first) * page)) {
        given += (last - first) * page;
      }
      first = last;
    }
  }
  return given;
}

}  // namespace strata::alloc
