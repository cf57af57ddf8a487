// base/grown_array.h - elements put behind one another, by the hundred million. They stand in
// segments that never move, so none is copied when it grows.
// Errors  std::bad_alloc where the address space is used up.
// Threads as any array.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "base/huge_memory.h"

namespace strata {

template <class T>
class GrownArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  void push_back(T value) {
    if (size_ == segments_.size() * kSegment) add_segment();
    segments_[size_ / kSegment].get()[size_ % kSegment] = value;
    ++size_;
  }
  void append(std::span<const T> values) {
    while (!values.empty()) {
      if (size_ == segments_.size() * kSegment) add_segment();
      const std::size_t count = std::min(values.size(), kSegment - size_ % kSegment);
      std::copy_n(values.data(), count, segments_[size_ / kSegment].get() + size_ % kSegment);
      size_ += count;
      values = values.subspan(count);
    }
  }
  /// Drops what is behind the first `size`.
  void shrink(std::size_t size) {
    size_ = size;
    segments_.resize((size + kSegment - 1) / kSegment);
  }
  void clear() { shrink(0); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return segments_[i / kSegment].get()[i % kSegment]; }
  void prefetch(std::size_t i) const {
    if (i < size_) __builtin_prefetch(&(*this)[i]);
  }
  const T& operator[](std::size_t i) const { return segments_[i / kSegment].get()[i % kSegment]; }

 private:
  // A power of two of elements, and whole huge pages.
  static constexpr std::size_t kSegment = kHugePage / (sizeof(T) & (~sizeof(T) + 1));

  struct Unmap {
    void operator()(T* at) const { give_back_huge_memory(at, kSegment * sizeof(T)); }
  };

  void add_segment() {
    segments_.emplace_back(static_cast<T*>(take_huge_memory(kSegment * sizeof(T))));
  }

  std::vector<std::unique_ptr<T, Unmap>> segments_;
  std::size_t size_ = 0;
};

}  // namespace strata
