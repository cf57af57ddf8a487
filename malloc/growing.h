// malloc/growing.h - an array of address space that becomes memory from its front on.
//
//     start_        front_               end_
//     [ committed   |  not mapped        ]
//
// One system call commits some more than is asked for, and ever more of it; what is committed and
// never touched costs nothing but address space.
//
// Threads one at a time; who holds the lock of what lies in it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "malloc/os.h"

namespace strata::alloc {

class Growing {
 public:
  constexpr Growing() = default;
  /// Of `size` bytes from `start`, of which nothing is committed.
  void place(std::uintptr_t start, std::size_t size) {
    start_ = front_ = start;
    end_ = start + size;
  }

  /// Has the first `bytes` committed; false where the kernel refuses.
  bool reach(std::size_t bytes) { return start_ + bytes <= front_ || grow(start_ + bytes); }
  /// Unmaps what is behind the first `bytes`.
  [[gnu::cold]] void retreat(std::size_t bytes);
  std::uintptr_t start() const { return start_; }
  std::uintptr_t end() const { return end_; }
  std::size_t committed() const { return front_ - start_; }
  std::size_t size() const { return end_ - start_; }

 private:
  bool grow(std::uintptr_t to);

  std::uintptr_t start_ = 0, front_ = 0, end_ = 0;
};

}  // namespace strata::alloc
