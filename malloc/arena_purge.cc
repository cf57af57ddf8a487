// What an arena gives back without being asked for it by free(): spans in which nothing is used,
// and pages of those that live on.
#include <cstdint>
#include <utility>

#include "malloc/arena.h"
#include "malloc/os.h"
#include "malloc/space.h"

namespace strata::alloc {
namespace {

// Spans looked at before others may have the lock, and bytes given back of an arena that is at
// work.
constexpr int kAtOnce = 64;
constexpr std::size_t kMostOfSettled = std::size_t{32} << 20;
// Beside what was seen of a span.
constexpr std::uint8_t kSwept = 0x80;

}  // namespace

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

/// From one span of a class to the next, as far as this sweep has not seen it; those that are
/// listed meanwhile count as seen.
std::size_t Arena::purge_spans(Sweep which) {
  const std::size_t most = which == Sweep::kAll ? SIZE_MAX : kMostOfSettled;
  std::size_t given = 0;
  {
    const Hold hold(lock_);
    ++sweep_;
  }
  for (Span*& head : lists_) {
    for (bool is_left = true; is_left && given < most;) {
      const Hold hold(lock_);
      drain();
      for (int i = 0; i < kAtOnce; ++i) {
        is_left = head != nullptr && head->sweep != sweep_;
        if (!is_left) break;
        head->sweep = sweep_;
        if (which == Sweep::kAll || is_settled(*head)) given += purge_span(*head);
        head = head->next;
      }
    }
  }
  if (which == Sweep::kAll) {
    const Hold hold(lock_);
    give_all_spare();
  }
  return given;
}

/// And was not swept as it is.
bool Arena::is_settled(Span& span) {
  const std::uint32_t sum = span.free.load(std::memory_order_relaxed) * 31 +
                            span.carved.load(std::memory_order_relaxed) * 7 + span.cursor;
  const auto now = static_cast<std::uint8_t>(sum % kSwept);
  const std::uint8_t before = span.seen;
  const bool is_same = before % kSwept == now;
  span.seen = static_cast<std::uint8_t>(is_same ? now | kSwept : now);
  return is_same && before < kSwept;
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
