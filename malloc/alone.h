// malloc/alone.h - while the process has one thread, no operation need be atomic: five nanoseconds
// less each, and a slow path has several.
// Source  __libc_single_threaded, glibc 2.32. No lock of ours is held while a thread begins. Where
//         libc has no such word, there may always be others. A second libc in the process (dlmopen)
//         whose threads come to this malloc is told of by none; glibc's own malloc is lost there
//         too.
// Threads any number at once.
#pragma once

#include <atomic>

extern "C" {
extern char __libc_single_threaded [[gnu::weak, gnu::visibility("default")]];
}

namespace strata::alloc {

inline bool is_alone() { return &__libc_single_threaded != nullptr && __libc_single_threaded != 0; }

/// As of.exchange().
template <class Value>
Value exchange(std::atomic<Value>& of, Value value, std::memory_order order) {
  if (!is_alone()) return of.exchange(value, order);
  const Value before = of.load(std::memory_order_relaxed);
  of.store(value, std::memory_order_relaxed);
  return before;
}

/// As of.compare_exchange_strong().
template <class Value>
bool compare_exchange(std::atomic<Value>& of, Value& expected, Value value,
                      std::memory_order order) {
  if (!is_alone()) {
    return of.compare_exchange_strong(expected, value, order, std::memory_order_relaxed);
  }
  const Value before = of.load(std::memory_order_relaxed);
  if (before != expected) {
    expected = before;
    return false;
  }
  of.store(value, std::memory_order_relaxed);
  return true;
}

/// As of.fetch_sub().
template <class Value>
Value fetch_sub(std::atomic<Value>& of, Value less, std::memory_order order) {
  if (!is_alone()) return of.fetch_sub(less, order);
  const Value before = of.load(std::memory_order_relaxed);
  of.store(before - less, std::memory_order_relaxed);
  return before;
}

}  // namespace strata::alloc
