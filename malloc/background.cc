#include "malloc/background.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "malloc/arena.h"
#include "malloc/decay.h"
#include "malloc/heap.h"
#include "malloc/low_water.h"
#include "malloc/options.h"
#include "malloc/os.h"
#include "malloc/space.h"

namespace strata::alloc {
namespace {

// Periods without work until it ends: starting it costs some 50 us.
constexpr int kRests = 4;
constexpr std::size_t kStack = std::size_t{64} << 10;

constinit std::atomic<bool> is_running{false};

// Spans are looked through every so many periods, and once more when all arenas rested for as many:
// it reads a byte for each granule of those that changed.
constexpr unsigned kBetweenSweeps = LowWater::kPeriods;

/// Gives back free pages in spans.
class Sweeper {
 public:
  /// Once a period; whether there is something left to look through.
  bool look() {
    std::uint64_t now = 0;
    for (Arena* arena = Arena::first(); arena != nullptr; arena = arena->next()) {
      now += arena->operations();
    }
    if (now == swept_) return false;
    rested_ = std::exchange(seen_, now) == now ? rested_ + 1 : 0;
    const bool all_rest = rested_ >= kBetweenSweeps;
    if (!all_rest && ++periods_ < kBetweenSweeps) return true;
    periods_ = 0;
    for (Arena* arena = Arena::first(); arena != nullptr; arena = arena->next()) {
      if (!arena->rests() && !all_rest) {
        arena->purge_spans(Arena::Sweep::kSettled);
        continue;
      }
      if (arena->heap() != nullptr) arena->heap()->empty_shelves();
      arena->purge_spans(Arena::Sweep::kAll);
    }
    if (all_rest) swept_ = now;
    return !all_rest;
  }

 private:
  std::uint64_t seen_ = 0, swept_ = 0;  // operations of all arenas
  unsigned periods_ = 0, rested_ = 0;
};

/// As decay_if_due() has it.
timespec period() {
  const std::uint64_t ms = decay_period();
  return {static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000 * 1'000'000)};
}

void* run(void*) {
  prctl(PR_SET_NAME, "strata-malloc");
  Sweeper sweeper;
  for (int rests = 0; rests < kRests;) {
    // The raw call: no point at which this thread could be cancelled.
    os::sleep(period());
    if (decay_period() == 0 || option(Option::kBackground) == 0) break;
    const bool is_left = sweeper.look();
    decay();
    rests = is_left || dirty_bytes() > 0 ? 0 : rests + 1;
  }
  is_running.store(false, std::memory_order_release);
  return nullptr;
}

}  // namespace

bool background_runs() { return is_running.load(std::memory_order_relaxed); }

bool start_background() {
  if (option(Option::kBackground) == 0 || option(Option::kDecay) == 0) return false;
  if (is_running.exchange(true, std::memory_order_acq_rel)) return true;
  const int before = errno;
  sigset_t all, signals;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &signals);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStack);
  pthread_t thread;
  const bool is_started = pthread_create(&thread, &attributes, run, nullptr) == 0;
  if (!is_started) is_running.store(false, std::memory_order_release);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &signals, nullptr);
  errno = before;
  return is_started;
}

void forget_background() { is_running.store(false, std::memory_order_relaxed); }

}  // namespace strata::alloc
