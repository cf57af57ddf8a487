// malloc/lock.h - a mutex of four bytes that needs no one else: it spins a moment, then sleeps.
// Taken in slow paths alone and held for some hundred instructions.
// Source  futex(2); 0 is free, 1 taken, 2 taken and waited for.
#pragma once

#include <atomic>
#include <cstdint>

namespace strata::alloc {

class Lock {
 public:
  /// False where this thread is about to fork and holds all locks anyway.
  bool lock() {
    std::uint32_t free = 0;
    if (word_.compare_exchange_strong(free, 1, std::memory_order_acquire)) return true;
    return lock_slowly();
  }
  bool try_lock() {
    std::uint32_t free = 0;
    return word_.load(std::memory_order_relaxed) == 0 &&
           word_.compare_exchange_strong(free, 1, std::memory_order_acquire);
  }
  void unlock() {
    if (word_.exchange(0, std::memory_order_release) == 2) wake();
  }
  /// In a child that was forked, where whoever held it is no more.
  void reset() { word_.store(0, std::memory_order_relaxed); }

 private:
  bool lock_slowly();
  void wake();

  std::atomic<std::uint32_t> word_{0};
};

/// Holds a lock while it lives.
class Hold {
 public:
  explicit Hold(Lock& lock) : lock_(lock), is_taken_(lock.lock()) {}
  ~Hold() {
    if (is_taken_) lock_.unlock();
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  Lock& lock_;
  const bool is_taken_;
};

/// Set while this thread forks: between fork handlers of ours, those of others may allocate.
extern thread_local constinit bool holds_all_locks;

}  // namespace strata::alloc
