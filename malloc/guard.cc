#include "malloc/guard.h"

#include <algorithm>
#include <atomic>

#include "malloc/os.h"

namespace strata::alloc::guard {
namespace {

// A mark takes eight bytes of page table and some 60 ns, so of long runs the front alone has them.
constexpr std::size_t kMostFenced = std::size_t{4} << 20;

constinit std::atomic<bool> has_marks{false};
constinit std::atomic<int> mapped{0};

bool mark(void* from, std::size_t bytes) {
  if (!os::mark_guard(from, bytes)) return false;
  has_marks.store(true, std::memory_order_relaxed);
  return true;
}

}  // namespace

Kind set(void* from, std::size_t bytes) {
  if (mark(from, bytes)) return Kind::kMark;
  if (mapped.fetch_add(1, std::memory_order_relaxed) < kMostMapped && os::forbid(from, bytes)) {
    return Kind::kMapping;
  }
  mapped.fetch_sub(1, std::memory_order_relaxed);
  return Kind::kNone;
}

bool clear(void* from, std::size_t bytes, Kind kind) {
  if (kind == Kind::kNone) return true;
  if (kind == Kind::kMapping) mapped.fetch_sub(1, std::memory_order_relaxed);
  // A mapping that is made anew has no guards of either kind.
  return (kind == Kind::kMark && os::unmark_guard(from, bytes)) || os::renew(from, bytes);
}

bool fence(void* from, std::size_t bytes) {
  const std::size_t front = std::min(bytes, kMostFenced);
  char* const behind = static_cast<char*>(from) + front;
  if (!mark(from, front)) return os::purge(from, bytes);
  return front == bytes || os::purge(behind, bytes - front);
}

bool unfence(void* from, std::size_t bytes) {
  if (!has_marks.load(std::memory_order_relaxed)) return true;
  return os::unmark_guard(from, bytes) || os::renew(from, bytes);
}

}  // namespace strata::alloc::guard
