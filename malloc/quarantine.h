// malloc/quarantine.h - blocks that were freed and are not used again yet; for hardening.
//
//     put ──▶ [ newest  …  oldest ] ──▶ take_oldest       a ring of slots, and bytes as
//     `quarantine`
//                                                         has it (abi/malloc_options.h)
//
// While a block is here, freeing it again is seen, and so is, when it is used again, a write to it.
//
// Threads one at a time; it is with a thread's arena, as the cache's slots are.
#pragma once

#include <cstddef>
#include <cstdint>

namespace strata::alloc {

class Quarantine {
 public:
  /// In memory that is never given back; null where there is none, or none is wanted.
  static Quarantine* make(std::size_t most_bytes);

  bool has_room_for(std::size_t bytes) const {
    return count_ < slots_ && bytes_ + bytes <= most_bytes_;
  }
  /// Where there is room.
  void put(void* block, std::size_t bytes);
  /// Null where there is none. `bytes` is what it is to count for no more.
  void* oldest() const { return count_ == 0 ? nullptr : ring_[first_]; }
  void drop_oldest(std::size_t bytes);

  /// Calls `act` with each block, the oldest first.
  template <class Act>
  void each(Act&& act) const {
    for (std::size_t i = 0; i < count_; ++i) act(ring_[(first_ + i) % slots_]);
  }

 private:
  std::size_t most_bytes_, slots_;
  std::size_t bytes_, first_, count_;
  void* ring_[];
};

}  // namespace strata::alloc
