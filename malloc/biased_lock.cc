#include "malloc/biased_lock.h"

#include "malloc/os.h"

namespace strata::alloc {
namespace {

// So many threads may have the favour one after the other: a heap that is filled by one and used by
// another, and so on. Each turn costs as much as some hundred plain locks.
constexpr std::uint8_t kMostTurns = 8;
constexpr int kSpins = 200;
constexpr long kPause = 50'000;  // ns
// Where the kernel refuses a barrier that it had promised (a filter for system calls that came
// later). What a processor wrote reaches the others in less than a thousandth of it.
constexpr long kLongest = 10'000'000;

enum class Barrier : std::uint8_t { kUnknown, kPromised, kNone };
constinit std::atomic<Barrier> barrier{Barrier::kUnknown};

bool has_barrier() {
  Barrier known = barrier.load(std::memory_order_relaxed);
  if (known == Barrier::kUnknown) {
    known = os::promise_barrier() ? Barrier::kPromised : Barrier::kNone;
    barrier.store(known, std::memory_order_relaxed);
  }
  return known == Barrier::kPromised;
}

}  // namespace

void BiasedLock::pass_barrier() {
  if (!os::pass_barrier()) os::sleep({0, kLongest});
}

void BiasedLock::forget() { barrier.store(Barrier::kUnknown, std::memory_order_relaxed); }

void BiasedLock::await() {
  for (int i = 0;; ++i) {
    const std::uintptr_t inside = inside_.load(std::memory_order_acquire);
    if (inside == 0 || inside == this_cache()) return;
    if (i < kSpins) {
      os::relax();
    } else {
      os::sleep({0, kPause});
    }
  }
}

void BiasedLock::stop_favourite() {
  favourite_.store(0, std::memory_order_relaxed);
  pass_barrier();
  await();
}

BiasedLock::Way BiasedLock::enter_slowly() {
  if (!lock_.lock()) return Way::kPassed;
  if (favourite_.load(std::memory_order_relaxed) != 0) {
    ++turns_;
    stop_favourite();
  }
  if (turns_ < kMostTurns && has_barrier()) {
    favourite_.store(this_cache(), std::memory_order_relaxed);
  }
  return Way::kLocked;
}

BiasedLock::Way BiasedLock::visit() {
  const std::uintptr_t self = this_cache();
  if (favourite_.load(std::memory_order_relaxed) == self && enter_as_favourite(self)) {
    return Way::kFavoured;
  }
  if (!lock_.lock()) return Way::kPassed;
  if (favourite_.load(std::memory_order_relaxed) != 0) stop_favourite();
  return Way::kLocked;
}

bool BiasedLock::claim() {
  if (is_within()) return false;
  const bool was_held = lock_.claim();
  // Held before: this thread may have been on its way to wait for a favourite that is none now.
  return favourite_.exchange(0, std::memory_order_relaxed) != 0 || was_held;
}

void BiasedLock::leave() {
  if (!is_within()) lock_.leave();
}

void BiasedLock::leave_in_child() {
  if (is_within()) {
    lock_.abandon();
  } else {
    lock_.leave_in_child();
    inside_.store(0, std::memory_order_relaxed);
  }
}

}  // namespace strata::alloc
