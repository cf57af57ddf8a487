// inspect/object/zeroed_array.h - a large array that begins as zeros and is asked at random.
// In huge pages where the kernel gives them: of pages of 4 KiB an address translation would be
// missing at every access.
// Errors  std::bad_alloc where the address space is used up.
// Threads as any array.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace strata {

template <class T>
class ZeroedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  ZeroedArray() = default;
  explicit ZeroedArray(std::size_t size) : size_(size) {
    if (size == 0) return;
    void* const memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    // Of a small one a huge page would be mostly unused.
    if (bytes() >= kHuge) madvise(memory, bytes(), MADV_HUGEPAGE);
    elements_ = static_cast<T*>(memory);
  }
  ZeroedArray(ZeroedArray&& other) noexcept
      : elements_(std::exchange(other.elements_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ZeroedArray& operator=(ZeroedArray&& other) noexcept {
    std::swap(elements_, other.elements_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~ZeroedArray() {
    if (elements_ != nullptr) munmap(elements_, bytes());
  }

  std::size_t size() const { return size_; }
  // NOLINTBEGIN(clang-analyzer-core.uninitialized.UndefReturn): who has none, asks for none.
  T& operator[](std::size_t i) { return elements_[i]; }
  const T& operator[](std::size_t i) const { return elements_[i]; }
  // NOLINTEND(clang-analyzer-core.uninitialized.UndefReturn)

 private:
  static constexpr std::size_t kHuge = std::size_t{4} << 20;
  std::size_t bytes() const { return size_ * sizeof(T); }

  T* elements_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace strata
