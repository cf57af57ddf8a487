// malloc/lock.h - a mutex of four bytes that needs no one else: it spins a moment, then sleeps.
// Taken in slow paths alone and held for some hundred instructions.
//
// It knows who holds it, for fork(): a signal's handler may fork in the middle of what its thread
// holds a lock for, and neither waits for itself nor gives up what goes on when it returns. There
// is no way out where another thread waits for that lock with one in its hands which the fork
// needs: glibc's malloc hangs there too, and POSIX.1-2024 no longer promises fork() to handlers.
//
// Source  futex(2). A word of 0 is free; else
//             bits 0 to 22   the kernel's number of the thread that holds it (at most 2^22)
//                 23 to 30   forks under way in that thread which came while it held it
//                 31         it is waited for
#pragma once

#include <atomic>
#include <cstdint>

namespace strata::alloc {

/// This thread's number, which is asked for once; 0 before.
extern thread_local constinit std::uint32_t thread_number;
std::uint32_t learn_thread_number();
inline std::uint32_t this_thread() {
  return thread_number != 0 ? thread_number : learn_thread_number();
}
/// How many forks of this thread hold all locks: between fork handlers of ours, those of others
/// may allocate.
extern thread_local constinit std::uint32_t forks_under_way;

class Lock {
 public:
  /// False where this thread is about to fork and holds all locks anyway.
  bool lock();
  bool try_lock();
  void unlock();

  /// For a fork: lock(); where this thread holds it, one fork more, and true.
  bool claim();
  /// What claim() did, undone: in the parent.
  void leave();
  /// In the child, where this thread has the number `self` and those that waited are no more.
  void leave_in_child(std::uint32_t self);
  /// Whether this thread held it before the claim() that is to be undone.
  bool is_amid_fork() const { return (word_.load(std::memory_order_relaxed) & kForks) != 0; }
  /// In a child, where who held it is no more.
  void abandon() { word_.store(0, std::memory_order_relaxed); }

 private:
  static constexpr std::uint32_t kFork = 1U << 23, kWaited = 1U << 31, kHolder = kFork - 1,
                                 kForks = kWaited - kFork;

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

}  // namespace strata::alloc
