#include "malloc/lock.h"

#include "malloc/os.h"

namespace strata::alloc {

thread_local constinit std::uint32_t thread_number = 0;
thread_local constinit std::uint32_t forks_under_way = 0;

namespace {

constexpr int kSpins = 200;  // some microseconds: a section is shorter

}  // namespace

std::uint32_t Lock::learn_thread_number() { return thread_number = os::this_thread(); }

bool Lock::lock_slowly() {
  if (forks_under_way > 0) return false;
  for (int i = 0; i < kSpins; ++i) {
    os::relax();
    if (try_lock()) return true;
  }
  // Others may wait too: who comes from here says so.
  for (std::uint32_t held = 0;
       !word_.compare_exchange_strong(held, self() | kWaited, std::memory_order_acquire);
       held = 0) {
    if ((held & kWaited) == 0 &&
        !word_.compare_exchange_strong(held, held | kWaited, std::memory_order_relaxed)) {
      continue;
    }
    os::wait_while(word_, held | kWaited);
  }
  return true;
}

void Lock::wake() { os::wake_one(word_); }

}  // namespace strata::alloc
