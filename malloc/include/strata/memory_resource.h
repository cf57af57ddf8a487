// malloc/include/strata/memory_resource.h - named heaps (malloc.h) for C++ containers. C++17.
//
//     strata::heap_resource parts("parser", 64 << 20);         // a heap of its own
//     std::pmr::vector<std::pmr::string> words(&parts);
//
//     strata_heap* const nodes = strata_heap_create("nodes", STRATA_NO_LIMIT);
//     std::map<int, int, std::less<>, strata::heap_allocator<std::pair<const int, int>>> tree(
//         strata::heap_allocator<std::pair<const int, int>>{nodes});
//
// Errors  std::bad_alloc where the heap gives NULL.
// Threads as the heap's.
#ifndef STRATA_MEMORY_RESOURCE_H
#define STRATA_MEMORY_RESOURCE_H

#include <strata/malloc.h>

#include <cstddef>
#include <memory_resource>
#include <new>
#include <type_traits>

namespace strata {

namespace detail {

inline void* allocate(strata_heap* heap, std::size_t bytes, std::size_t alignment) {
  void* const block = alignment <= alignof(std::max_align_t)
                          ? strata_heap_alloc(heap, bytes)
                          : strata_heap_aligned_alloc(heap, alignment, bytes);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace detail

/// A std::pmr::memory_resource: over a heap that outlives it, or over one of its own, which ends
/// with it and takes along what is still allocated.
class heap_resource final : public std::pmr::memory_resource {
 public:
  explicit heap_resource(strata_heap* heap) noexcept : heap_(heap) {}
  explicit heap_resource(const char* name, std::size_t limit = STRATA_NO_LIMIT)
      : heap_(strata_heap_create(name, limit)), own_(heap_) {
    if (heap_ == nullptr) throw std::bad_alloc();
  }
  ~heap_resource() override { strata_heap_destroy(own_); }
  heap_resource(const heap_resource&) = delete;
  heap_resource& operator=(const heap_resource&) = delete;

  strata_heap* heap() const noexcept { return heap_; }
  /// Gives back all that was allocated, at once.
  void release() { strata_heap_reset(heap_); }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return detail::allocate(heap_, bytes, alignment);
  }
  void do_deallocate(void* block, std::size_t, std::size_t) override {
    strata_heap_free(heap_, block);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* const same = dynamic_cast<const heap_resource*>(&other);
    return same != nullptr && same->heap_ == heap_;
  }

  strata_heap* const heap_;
  strata_heap* const own_ = nullptr;
};

/// An allocator over a heap, which outlives all that is allocated; it goes where a container's
/// contents go. Allocators over one heap are equal.
template <class T>
class heap_allocator {
 public:
  using value_type = T;
  using propagate_on_container_copy_assignment = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;

  explicit heap_allocator(strata_heap* heap) noexcept : heap_(heap) {}
  template <class U>
  heap_allocator(const heap_allocator<U>& other) noexcept : heap_(other.heap()) {}

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(detail::allocate(heap_, count * sizeof(T), alignof(T)));
  }
  void deallocate(T* block, std::size_t) noexcept { strata_heap_free(heap_, block); }

  strata_heap* heap() const noexcept { return heap_; }

  template <class U>
  friend bool operator==(const heap_allocator& a, const heap_allocator<U>& b) noexcept {
    return a.heap() == b.heap();
  }
  template <class U>
  friend bool operator!=(const heap_allocator& a, const heap_allocator<U>& b) noexcept {
    return a.heap() != b.heap();
  }

 private:
  strata_heap* heap_;
};

}  // namespace strata
#endif
