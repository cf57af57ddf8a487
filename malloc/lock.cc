#include "malloc/lock.h"

#include "malloc/alone.h"
#include "malloc/os.h"

namespace strata::alloc {

thread_local constinit std::uint32_t thread_number = 0;
thread_local constinit std::uint32_t forks_under_way = 0;

namespace {

constexpr int kSpins = 200;  // some microseconds: a section is shorter

}  // namespace

std::uint32_t learn_thread_number() { return thread_number = os::this_thread(); }

bool Lock::lock() {
  std::uint32_t free = 0;
  if (compare_exchange(word_, free, this_thread(), std::memory_order_acquire)) return true;
  return lock_slowly();
}

bool Lock::try_lock() {
  std::uint32_t free = 0;
  return word_.load(std::memory_order_relaxed) == 0 &&
         compare_exchange(word_, free, this_thread(), std::memory_order_acquire);
}

void Lock::unlock() {
  if ((exchange(word_, 0U, std::memory_order_release) & kWaited) != 0) wake();
}

bool Lock::lock_slowly() {
  if (forks_under_way > 0) return false;
  for (int i = 0; i < kSpins; ++i) {
    os::relax();
    if (try_lock()) return true;
  }
  // Others may wait too: who comes from here says so.
  for (std::uint32_t held = 0;
       !word_.compare_exchange_strong(held, this_thread() | kWaited, std::memory_order_acquire);
       held = 0) {
    if ((held & kWaited) == 0 &&
        !word_.compare_exchange_strong(held, held | kWaited, std::memory_order_relaxed)) {
      continue;
    }
    os::wait_while(word_, held | kWaited);
  }
  return true;
}

bool Lock::claim() {
  const bool is_held = (word_.load(std::memory_order_relaxed) & kHolder) == this_thread();
  if (is_held) {
    word_.fetch_add(kFork, std::memory_order_relaxed);
  } else {
    lock();
  }
  return is_held;
}

void Lock::leave() {
  if (!is_amid_fork()) return unlock();
  word_.fetch_sub(kFork, std::memory_order_relaxed);
}

void Lock::leave_in_child(std::uint32_t self) {
  const std::uint32_t forks = word_.load(std::memory_order_relaxed) & kForks;
  word_.store(forks == 0 ? 0 : (forks - kFork) | self, std::memory_order_relaxed);
}

void Lock::wake() { os::wake_one(word_); }

}  // namespace strata::alloc
