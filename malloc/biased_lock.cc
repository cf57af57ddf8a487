#include "malloc/biased_lock.h"

#include "malloc/os.h"

namespace strata::alloc {
namespace {

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

/// Not where another waits for this thread to come out: then a fork in a handler waits for it.
bool BiasedLock::is_within() {
  const std::uintptr_t favourite = favourite_.load(std::memory_order_relaxed);
  return is_own(favourite) && inside(favourite).load(std::memory_order_relaxed);
}

void BiasedLock::await() {
  if (is_within() || stopped_ == 0 || is_own(stopped_)) return;
  for (int i = 0; inside(stopped_).load(std::memory_order_acquire); ++i) {
    if (i < kSpins) {
      os::relax();
    } else {
      os::sleep({0, kPause});
    }
  }
}

/// With the lock: whose turn it was has none now, and is outside.
void BiasedLock::stop_favourite() {
  stopped_ = favourite_.exchange(0, std::memory_order_relaxed);
  if (stopped_ == 0) return;
  pass_barrier();
  await();
}

BiasedLock::Way BiasedLock::enter_slowly() {
  static_assert(alignof(Cache) >= kMostTurns, "what is left of its address is the turn");
  if (!lock_.lock()) return Way::kPassed;
  stop_favourite();
  if (turns_ < kMostTurns && has_barrier()) {
    favourite_.store(this_cache() + turns_++, std::memory_order_relaxed);
  }
  return Way::kLocked;
}

BiasedLock::Way BiasedLock::visit() {
  const std::uintptr_t favourite = favourite_.load(std::memory_order_relaxed);
  if (is_own(favourite) && enter_as(favourite)) return turn_of(favourite);
  if (!lock_.lock()) return Way::kPassed;
  stop_favourite();
  return Way::kVisited;
}

void BiasedLock::leave_slowly(Way way) {
  if (way == Way::kVisited) favourite_.store(stopped_, std::memory_order_release);
  lock_.unlock();
}

bool BiasedLock::claim() {
  if (is_within()) return false;
  const bool was_held = lock_.claim();
  // Amid what this thread does with it, another may have its turn still, or be on its way out.
  const std::uintptr_t favourite = favourite_.load(std::memory_order_relaxed);
  if (was_held && (favourite == 0 || is_own(favourite))) return stopped_ != 0;
  stopped_ = favourite_.exchange(0, std::memory_order_relaxed);
  return stopped_ != 0;
}

void BiasedLock::leave_claimed() {
  if (is_within()) return;
  if (!lock_.is_amid_fork()) favourite_.store(stopped_, std::memory_order_release);
  lock_.leave();
}

void BiasedLock::leave_in_child(std::uint32_t self) {
  const bool is_inside = is_within();
  const std::uintptr_t own = favourite_.load(std::memory_order_relaxed);
  for (unsigned turn = 0; turn < kMostTurns; ++turn) {
    if (!is_inside || turn != own % kMostTurns) {
      inside_[turn].store(false, std::memory_order_relaxed);
    }
  }
  if (!is_own(stopped_)) stopped_ = 0;
  if (is_inside) return lock_.abandon();
  if (!lock_.is_amid_fork()) favourite_.store(stopped_, std::memory_order_relaxed);
  lock_.leave_in_child(self);
}

}  // namespace strata::alloc
