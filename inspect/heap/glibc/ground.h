// inspect/heap/glibc/ground.h - the addresses at which chunks can begin, numbered without gaps, so
// that what is kept of millions of chunks takes 4 bytes and not 8 for each address.
// Threads may ask at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <vector>

#include "base/units.h"

namespace strata::glibc {

class Ground {
 public:
  static constexpr Bytes kGranule = 16_B;
  /// Numbers from here on are given to no address.
  static constexpr std::uint32_t kNumbers = 0xffffff00;

  /// `ranges` by address, disjoint; must outlive it.
  explicit Ground(const std::vector<Range>& ranges) : ranges_(ranges) {
    std::uint64_t granules = 0;
    for (const Range& range : ranges) {
      before_.push_back(granules);
      granules += range.size() / kGranule;
    }
  }

  /// Absent outside, between granules and beyond the first 64 GiB.
  std::optional<std::uint32_t> number_of(Address address) const {
    if (address.value % kGranule.value != 0) return std::nullopt;
    const auto behind = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                         [](Address a, const Range& r) { return a < r.start; });
    if (behind == ranges_.begin() || !std::prev(behind)->contains(address)) return std::nullopt;
    const auto index = static_cast<std::size_t>(std::prev(behind) - ranges_.begin());
    const std::uint64_t number = before_[index] + (address - ranges_[index].start) / kGranule;
    if (number >= kNumbers) return std::nullopt;
    return static_cast<std::uint32_t>(number);
  }

  /// Of a number that was given.
  Address address_of(std::uint32_t number) const {
    const auto behind = std::upper_bound(before_.begin(), before_.end(), number);
    const auto index = static_cast<std::size_t>(std::prev(behind) - before_.begin());
    return ranges_[index].start + kGranule * (number - before_[index]);
  }

 private:
  const std::vector<Range>& ranges_;
  std::vector<std::uint64_t> before_;  // granules before each range
};

}  // namespace strata::glibc
