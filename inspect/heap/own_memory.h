// inspect/heap/own_memory.h - for the tests: memory of this process, laid out as an allocator that
// is not installed would. Unmapped with the object.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <utility>

#include "base/units.h"

namespace strata {

/// A reservation that begins at a multiple of `alignment` and is without access until opened.
/// Fences keep it from merging with what the process maps beside it.
class OwnMemory {
 public:
  OwnMemory(Bytes size, Bytes alignment) : all_{size + alignment + kFence * 2} {
    start_ =
        ::mmap(nullptr, all_.value, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    first_ = Address{reinterpret_cast<std::uint64_t>(start_)};
    range_ = range_of(round_up(first_ + kFence, alignment), size);
  }
  OwnMemory(const OwnMemory&) = delete;
  OwnMemory& operator=(const OwnMemory&) = delete;
  ~OwnMemory() {
    if (start_ != MAP_FAILED) ::munmap(start_, all_.value);
  }

  bool is_there() const { return start_ != MAP_FAILED; }
  Range range() const { return range_; }
  Address at(Bytes offset) const { return range_.start + offset; }
  void open(Bytes offset, Bytes size, int access = PROT_READ | PROT_WRITE) const {
    ::mprotect(word(offset), size.value, access);
  }
  /// The word at `offset`, to be written where it is open.
  std::uint64_t* word(Bytes offset) const {
    return static_cast<std::uint64_t*>(start_) + (at(offset) - first_) / 8_B;
  }

 private:
  static constexpr Bytes kFence = 64_KiB;

  Bytes all_;
  void* start_ = MAP_FAILED;
  Address first_;
  Range range_;
};

}  // namespace strata
