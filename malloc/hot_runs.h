// malloc/hot_runs.h - runs that were freed a moment ago, a few of about each length: put and taken
// without a lock, and not joined with their neighbours meanwhile.
// Threads any number at once; a run is of who has taken it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "malloc/alone.h"

namespace strata::alloc {

class HotRuns {
 public:
  using Page = std::uint32_t;
  static constexpr Page kNone = 0;
  static constexpr unsigned kBins = 192;

  /// The run that has to make room for it; kNone where there was room.
  Page put(unsigned bin, Page run) {
    if (!were_put()) were_put_.store(true, std::memory_order_relaxed);
    Ways& ways = bins_[bin];
    for (std::atomic<Page>& way : ways) {
      Page none = kNone;
      if (way.load(std::memory_order_relaxed) == kNone &&
          compare_exchange(way, none, run, std::memory_order_release)) {
        return kNone;
      }
    }
    return exchange(ways[run % kWays], run, std::memory_order_acq_rel);
  }

  /// Whether any ever was.
  bool were_put() const { return were_put_.load(std::memory_order_relaxed); }

  /// One of a bin; kNone where there is none.
  Page take(unsigned bin) {
    for (std::atomic<Page>& way : bins_[bin]) {
      if (way.load(std::memory_order_relaxed) == kNone) continue;
      if (const Page run = exchange(way, kNone, std::memory_order_acquire)) return run;
    }
    return kNone;
  }

  /// Calls `act` with each, which is at hand no longer.
  template <class Act>
  void take_all(Act&& act) {
    for (Ways& ways : bins_) {
      for (std::atomic<Page>& way : ways) {
        if (way.load(std::memory_order_relaxed) == kNone) continue;
        if (const Page run = exchange(way, kNone, std::memory_order_acquire)) act(run);
      }
    }
  }

  template <class Act>
  void each(Act&& act) const {
    for (const Ways& ways : bins_) {
      for (const std::atomic<Page>& way : ways) {
        if (const Page run = way.load(std::memory_order_relaxed)) act(run);
      }
    }
  }

 private:
  static constexpr unsigned kWays = 4;
  using Ways = std::array<std::atomic<Page>, kWays>;
  std::atomic<bool> were_put_{false};
  std::array<Ways, kBins> bins_{};
};

}  // namespace strata::alloc
