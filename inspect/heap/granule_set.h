// inspect/heap/granule_set.h - a set of addresses that are multiples of 16, as bitmaps.
// What stands in an allocator's lists is known by its address alone and is asked for by a walk in
// address order, so that a lookup is mostly one bit of the page that was asked last.
// Cost    512 bytes for each 64 KiB of address space that has one of them.
// Threads one at a time, contains() too: it remembers the last page.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "base/units.h"

namespace strata {

class GranuleSet {
 public:
  static constexpr Bytes kGranule = 16_B;

  /// False where it was there already.
  bool insert(Address address) {
    const std::uint64_t number = address.value / kPageSpan;
    if (number != last_number_ || last_ == nullptr) {
      auto& page = pages_[number];
      if (page == nullptr) page = std::make_unique<Page>();
      last_ = page.get();
      last_number_ = number;
    }
    std::uint64_t& word = (*last_)[word_of(address)];
    if ((word & bit_of(address)) != 0) return false;
    word |= bit_of(address);
    ++size_;
    return true;
  }
  bool contains(Address address) const {
    const std::uint64_t number = address.value / kPageSpan;
    if (number != last_number_) look_up(number);
    return last_ != nullptr && ((*last_)[word_of(address)] & bit_of(address)) != 0;
  }
  std::size_t size() const { return size_; }
  /// Calls `act` for each, in no order.
  template <class Act>
  void each(Act&& act) const {
    for (const auto& [number, page] : pages_) {
      for (std::size_t i = 0; i < page->size(); ++i) {
        for (std::uint64_t bits = (*page)[i]; bits != 0; bits &= bits - 1) {
          const auto granule = i * 64 + static_cast<std::size_t>(std::countr_zero(bits));
          act(Address{number * kPageSpan + granule * 16});
        }
      }
    }
  }

 private:
  static constexpr std::uint64_t kPageSpan = 64 << 10;
  static constexpr std::uint64_t kNoNumber = ~std::uint64_t{0};
  using Page = std::array<std::uint64_t, kPageSpan / 16 / 64>;

  static std::size_t word_of(Address address) { return address.value % kPageSpan / 16 / 64; }
  static std::uint64_t bit_of(Address address) {
    return std::uint64_t{1} << (address.value / 16 % 64);
  }
  void look_up(std::uint64_t number) const {
    const auto found = pages_.find(number);
    last_ = found == pages_.end() ? nullptr : found->second.get();
    last_number_ = number;
  }

  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;
  std::size_t size_ = 0;
  mutable Page* last_ = nullptr;
  mutable std::uint64_t last_number_ = kNoNumber;
};

}  // namespace strata
