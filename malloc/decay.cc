#include "malloc/decay.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "malloc/arena.h"
#include "malloc/background.h"
#include "malloc/heap.h"
#include "malloc/low_water.h"
#include "malloc/options.h"
#include "malloc/os.h"
#include "malloc/space.h"

namespace strata::alloc {
namespace {

// However soon all is to be given back, no thread that does nothing else.
constexpr std::uint64_t kShortest = 10;  // ms

// So little is kept.
constexpr std::size_t kLeast = std::size_t{1} << 20;

// Given back at a time, before others may have the lock.
constexpr std::size_t kAtOnce = std::size_t{8} << 20;

// So much is worth a thread, should the program rest now.
constexpr std::size_t kMuch = std::size_t{8} << 20;

// Traded at a time, as a system call costs as much as some pages.
constexpr std::size_t kLeastTraded = std::size_t{512} << 10;

constinit std::atomic<std::uint64_t> last{0};
constinit std::atomic<std::size_t> owed{0};

template <class Part>
void give_back(Part& part) {
  for (std::size_t left = part.end_period(); left > 0;) {
    const std::size_t given = part.purge_some(std::min(left, kAtOnce));
    if (given == 0) return;
    left -= std::min(left, given);
  }
}

std::size_t settled_bytes() {
  return space.small.dirty_bytes() + space.medium.dirty_bytes() + space.pages.dirty_bytes();
}

/// Told without a look at each run at hand, as it is asked often.
bool is_little() { return settled_bytes() < kLeast && !space.pages.has_hot(); }

}  // namespace

std::size_t dirty_bytes() { return settled_bytes() + space.pages.hot_bytes(); }

std::uint64_t decay_period() {
  const std::uint64_t all = option(Option::kDecay);
  return all == 0 ? 0 : std::max(all / LowWater::kPeriods, kShortest);
}

void decay_if_due() {
  // A small program never asks the clock.
  if (is_little()) return;
  const std::uint64_t now = os::coarse_now();
  std::uint64_t before = last.load(std::memory_order_relaxed);
  const std::uint64_t period = decay_period();
  if (period == 0 || now - before < period ||
      !last.compare_exchange_strong(before, now, std::memory_order_relaxed)) {
    return;
  }
  const std::size_t dirty = dirty_bytes();
  if (dirty < kLeast || background_runs() || (dirty > kMuch && start_background())) return;
  decay();
}

void trade(std::size_t bytes, For use) {
  if (is_little() || dirty_bytes() < kLeast) return;
  if (owed.fetch_add(bytes, std::memory_order_relaxed) + bytes < kLeastTraded) return;
  std::size_t left = owed.exchange(0, std::memory_order_relaxed);
  const auto less = [&](std::size_t given) { left -= given < left ? given : left; };
  if (use == For::kBlocks) less(space.pages.purge_some(left));
  less(space.medium.purge_some(left));
  less(space.small.purge_some(left));
}

void retreat() {
  for (Arena* arena = Arena::first(); arena != nullptr; arena = arena->next()) {
    arena->release_unused();
  }
  space.small.retreat();
  space.medium.retreat();
  space.pages.retreat();
}

void decay() {
  give_back(space.small);
  give_back(space.medium);
  give_back(space.pages);
}

std::size_t purge_everything() {
  std::size_t given = 0;
  for (Arena* arena = Arena::first(); arena != nullptr; arena = arena->next()) {
    if (arena->heap() != nullptr) arena->heap()->empty_shelves();
    given += arena->purge_spans(Arena::Sweep::kAll);
  }
  return given + space.small.purge_some(SIZE_MAX / 2) + space.medium.purge_some(SIZE_MAX / 2) +
         space.pages.purge_some(SIZE_MAX / 2);
}

}  // namespace strata::alloc
