// malloc/low_water.h - how much of something stayed free all the time, for some periods in a row.
//
// A program that rests between two phases for less than these periods finds in the next one what it
// freed in the last; what it did not touch in all of them it is unlikely to need.
//
// Threads one at a time; who holds the lock of what is counted.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace strata::alloc {

class LowWater {
 public:
  static constexpr unsigned kPeriods = 8;

  /// So many are free now; called where they become fewer.
  void fell_to(std::uint32_t count) {
    std::uint32_t& least = least_[current_];
    if (count < least) least = count;
  }
  /// Ends a period, with so many free; how many were so in all of the last ones.
  std::uint32_t end_period(std::uint32_t count) {
    const std::uint32_t unneeded = std::min(count, *std::min_element(least_.begin(), least_.end()));
    current_ = (current_ + 1) % kPeriods;
    least_[current_] = count;
    return unneeded;
  }
  /// So many of them were given back.
  void gave(std::uint32_t count) {
    for (std::uint32_t& least : least_) least -= std::min(least, count);
  }

 private:
  std::array<std::uint32_t, kPeriods> least_{};
  unsigned current_ = 0;
};

}  // namespace strata::alloc
