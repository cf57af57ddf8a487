// malloc/unit_set.h - a set of numbers from which the lowest and the highest are had quickly: a
// bitmap, and a bitmap of its words that are not 0.
// Threads one at a time.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "malloc/growing.h"
#include "malloc/os.h"

namespace strata::alloc {

class UnitSet {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  constexpr UnitSet() = default;
  /// Of numbers below `most`; takes its memory from `at` on, bytes_for(most) at most.
  void place(std::uintptr_t at, std::uint32_t most) {
    lowest_ = (most + 4095) / 4096;
    summary_memory_.place(at, summary_bytes(most));
    words_memory_.place(summary_memory_.end(), words_bytes(most));
    summary_ = reinterpret_cast<std::uint64_t*>(summary_memory_.start());
    words_ = reinterpret_cast<std::uint64_t*>(words_memory_.start());
  }
  static constexpr std::size_t bytes_for(std::uint32_t most) {
    return summary_bytes(most) + words_bytes(most);
  }
  /// Before numbers below `end` are inserted; false where there is no memory.
  bool reach(std::uint32_t end) {
    return summary_memory_.reach((std::size_t{end} / 4096 + 1) * 8) &&
           words_memory_.reach((std::size_t{end} / 64 + 1) * 8);
  }

  void insert(std::uint32_t number) {
    words_[number / 64] |= bit(number);
    summary_[number / 4096] |= bit(number / 64);
    if (number / 4096 < lowest_) lowest_ = number / 4096;
    if (number / 4096 >= highest_) highest_ = number / 4096 + 1;
    size_.store(size() + 1, std::memory_order_relaxed);
  }
  /// Which must be in it.
  void erase(std::uint32_t number) {
    std::uint64_t& word = words_[number / 64];
    word &= ~bit(number);
    if (word == 0) summary_[number / 4096] &= ~bit(number / 64);
    size_.store(size() - 1, std::memory_order_relaxed);
  }
  bool contains(std::uint32_t number) const { return (words_[number / 64] & bit(number)) != 0; }

  std::uint32_t lowest() {
    for (; lowest_ < highest_; ++lowest_) {
      const std::uint64_t words = summary_[lowest_];
      if (words == 0) continue;
      const std::uint32_t word = lowest_ * 64 + static_cast<std::uint32_t>(std::countr_zero(words));
      return word * 64 + static_cast<std::uint32_t>(std::countr_zero(words_[word]));
    }
    return kNone;
  }
  std::uint32_t highest() {
    for (; highest_ > lowest_; --highest_) {
      const std::uint64_t words = summary_[highest_ - 1];
      if (words == 0) continue;
      const std::uint32_t word =
          highest_ * 64 - 1 - static_cast<std::uint32_t>(std::countl_zero(words));
      return word * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(words_[word]));
    }
    return kNone;
  }
  /// One at or little above a number; the lowest where there is none.
  std::uint32_t any_near(std::uint32_t number) {
    const std::uint64_t bits = words_[number / 64] >> (number % 64);
    return bits != 0 ? number + static_cast<std::uint32_t>(std::countr_zero(bits)) : lowest();
  }
  /// Bits by number, for who reads them from outside.
  const std::uint64_t* words() const { return words_; }
  /// May be asked by any thread.
  std::uint32_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::uint64_t bit(std::uint32_t number) {
    return std::uint64_t{1} << (number % 64);
  }

  static constexpr std::size_t up_to_page(std::size_t bytes) {
    return (bytes + os::kPage - 1) / os::kPage * os::kPage;
  }
  static constexpr std::size_t summary_bytes(std::uint32_t most) {
    return up_to_page((std::size_t{most} / 4096 + 1) * 8);
  }
  static constexpr std::size_t words_bytes(std::uint32_t most) {
    return up_to_page((std::size_t{most} / 64 + 1) * 8);
  }

  Growing summary_memory_, words_memory_;
  std::uint64_t* summary_ = nullptr;
  std::uint64_t* words_ = nullptr;
  std::uint32_t lowest_ = 0, highest_ = 0;  // all lie between these words of the summary
  std::atomic<std::uint32_t> size_{0};
};

}  // namespace strata::alloc
