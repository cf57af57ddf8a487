#include "malloc/lock.h"

#include "malloc/os.h"

namespace strata::alloc {

thread_local constinit bool holds_all_locks = false;

namespace {

constexpr int kSpins = 200;  // some microseconds: a section is shorter

}  // namespace

bool Lock::lock_slowly() {
  if (holds_all_locks) return false;
  for (int i = 0; i < kSpins; ++i) {
    os::relax();
    if (try_lock()) return true;
  }
  while (word_.exchange(2, std::memory_order_acquire) != 0) os::wait_while(word_, 2);
  return true;
}

void Lock::wake() { os::wake_one(word_); }

}  // namespace strata::alloc
