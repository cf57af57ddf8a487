// inspect/object/zeroed_array.h - a large array that begins as zeros and is asked at random.
// In huge pages where the kernel gives them: of pages of 4 KiB an address translation would be
// missing at every access.
// Errors  std::bad_alloc where the address space is used up.
// Threads as any array.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

#include "base/huge_memory.h"

namespace strata {

template <class T>
class ZeroedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  ZeroedArray() = default;
  explicit ZeroedArray(std::size_t size) : size_(size) {
    if (size == 0) return;
    if (bytes() >= kHuge) {
      elements_ = static_cast<T*>(take_huge_memory(whole_pages()));
    } else {
      elements_ = static_cast<T*>(std::calloc(size, sizeof(T)));
      if (elements_ == nullptr) throw std::bad_alloc();
    }
  }
  ZeroedArray(ZeroedArray&& other) noexcept
      : elements_(std::exchange(other.elements_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ZeroedArray& operator=(ZeroedArray&& other) noexcept {
    std::swap(elements_, other.elements_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~ZeroedArray() {
    if (bytes() >= kHuge) {
      if (elements_ != nullptr) give_back_huge_memory(elements_, whole_pages());
    } else {
      std::free(elements_);
    }
  }

  std::size_t size() const { return size_; }
  // NOLINTBEGIN(clang-analyzer-core.uninitialized.UndefReturn): who has none, asks for none.
  T& operator[](std::size_t i) { return elements_[i]; }
  const T& operator[](std::size_t i) const { return elements_[i]; }
  // NOLINTEND(clang-analyzer-core.uninitialized.UndefReturn)

 private:
  // Of a smaller one a huge page would be mostly unused.
  static constexpr std::size_t kHuge = kHugePage * 2;
  std::size_t bytes() const { return size_ * sizeof(T); }
  std::size_t whole_pages() const { return (bytes() + kHugePage - 1) / kHugePage * kHugePage; }

  T* elements_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace strata
