// malloc/biased_lock.h - a mutex that costs the thread which uses it most no atomic operation.
//
//     favourite   inside[turn] = 1; still its turn? … inside[turn] = 0     plain stores and loads
//     another     lock; nobody's turn; a barrier in every thread; wait while inside[turn]; …
//
// The barrier is the kernel's (membarrier), so that the favourite needs none: either it sees that
// its turn has ended, or who asked for the barrier sees that it is inside. Who comes gets the next
// turn; when all have been had, the lock is a plain one. A turn is one thread's alone: who was held
// up between two lines above marks nobody else's.
//
// Source  membarrier(2), Linux 4.14; where that is missing no thread is favoured.
// Cost    9 ns less than a plain lock for the favourite. To take the favour away 0.4 us, and
//         the wait until it is outside. The first time in a process of many threads some 10 ms.
// Threads any number at once. A thread that holds all locks for a fork passes, as with Lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "malloc/cache.h"
#include "malloc/lock.h"

namespace strata::alloc {

class BiasedLock {
 public:
  /// How it was entered: less than these two, as the favourite, in that turn.
  enum class Way : std::uint8_t { kVisited = 253, kLocked = 254, kPassed = 255 };

  Way enter() {
    const std::uintptr_t favourite = favourite_.load(std::memory_order_relaxed);
    if (is_own(favourite) && enter_as(favourite)) [[likely]]
      return turn_of(favourite);
    return enter_slowly();
  }
  void leave(Way way) {
    if (way < Way::kVisited) [[likely]] {
      inside_[static_cast<unsigned>(way)].store(false, std::memory_order_release);
    } else if (way != Way::kPassed) {
      leave_slowly(way);
    }
  }
  /// As enter(), but of who looks in now and then: whose turn it was goes on with it.
  Way visit();

  /// Of all locks of a kind at once, for a fork: claim() each; where one may have had a favourite,
  /// a barrier; await() each. Then leave_claimed() each, or leave_in_child(). One that this thread
  /// is inside of as its favourite, as it forks in a signal's handler, stays so.
  bool claim();
  void await();
  void leave_claimed();
  void leave_in_child(std::uint32_t self);

  /// Has all threads pass a barrier.
  static void pass_barrier();
  /// In a child: nothing is known of what the kernel was told before.
  static void forget();

 private:
  // So many threads may have the favour one after the other: a heap that is filled by one and used
  // by another, and so on. Each turn costs as much as some hundred plain locks.
  static constexpr unsigned kMostTurns = 8;

  static std::uintptr_t this_cache() { return reinterpret_cast<std::uintptr_t>(&cache); }
  /// A favourite is its cache's address, and its turn more.
  static bool is_own(std::uintptr_t favourite) { return favourite - this_cache() < kMostTurns; }
  static Way turn_of(std::uintptr_t favourite) { return static_cast<Way>(favourite % kMostTurns); }
  std::atomic<bool>& inside(std::uintptr_t favourite) { return inside_[favourite % kMostTurns]; }
  bool enter_as(std::uintptr_t favourite) {
    inside(favourite).store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    // Acquires what a visitor did.
    if (favourite_.load(std::memory_order_acquire) == favourite) [[likely]]
      return true;
    inside(favourite).store(false, std::memory_order_release);
    return false;
  }
  bool is_within();
  [[gnu::cold, gnu::noinline]] Way enter_slowly();
  [[gnu::cold, gnu::noinline]] void leave_slowly(Way way);
  void stop_favourite();

  std::atomic<std::uintptr_t> favourite_{0};
  std::atomic<bool> inside_[kMostTurns]{};
  Lock lock_;
  // Guarded:
  std::uint8_t turns_ = 0;      // that began
  std::uintptr_t stopped_ = 0;  // who was the favourite when it was entered; 0: nobody
};

/// Inside while it lives.
class Inside {
 public:
  explicit Inside(BiasedLock& lock) : Inside(lock, lock.enter()) {}
  Inside(BiasedLock& lock, BiasedLock::Way way) : lock_(lock), way_(way) {}
  ~Inside() { lock_.leave(way_); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  BiasedLock& lock_;
  const BiasedLock::Way way_;
};

}  // namespace strata::alloc
