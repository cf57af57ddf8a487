// malloc/space.h - where everything lies: one stretch of address space, chosen when the first block
// is asked for, and mapped as it is needed.
//
//     base
//     [ small blocks | medium blocks | runs of pages             ]
//     [ states, spans of each        | entries of pages          ][ metadata ]
//
// Zones stand side by side so that one subtraction tells malloc's own addresses from all others.
// The place is the kernel's choice, and random as the kernel's are.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "malloc/block_state.h"
#include "malloc/growing.h"
#include "malloc/lock.h"
#include "malloc/page_heap.h"
#include "malloc/zone.h"

namespace strata::alloc {

class Space {
 public:
  constexpr Space() = default;

  /// Chooses the place; false where there is none.
  bool begin();
  bool has_begun() const { return has_begun_.load(std::memory_order_acquire); }

  /// Whether the option harden was set when it began.
  bool is_hardened = false;
  /// Where all of it begins.
  std::uintptr_t base = 0;

  /// The state that an address has; null where no small or medium block can begin.
  State* find_state(const void* address) const {
    State* state;
    return small.find_state<4>(address, state) || medium.find_state<8>(address, state) ? state
                                                                                       : nullptr;
  }
  Zone& zone(unsigned size_class) { return is_small(size_class) ? small : medium; }
  /// Zeroed memory that is never given back; null where there is none.
  void* take_metadata(std::size_t bytes);
  /// Whether it may have been taken there.
  bool has_metadata(const void* address) const {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    return at >= metadata_.start() && at < metadata_.end();
  }

  // A unit has two pages at least, for a hardened one's last page is a guard.
  Zone small{{std::max(14U, static_cast<unsigned>(std::countr_zero(os::kPage)) + 1), 4}};
  Zone medium{{17, 8}};
  PageHeap pages;

  Lock& metadata_lock() { return metadata_lock_; }
  Lock& begin_lock() { return begin_lock_; }

 private:
  void describe() const;

  std::atomic<bool> has_begun_{false};
  Lock begin_lock_, metadata_lock_;
  Growing metadata_;
  std::size_t metadata_used_ = 0;
};

// Hidden: or it would be reached by a table, as if another library could have one.
extern constinit Space space [[gnu::visibility("hidden")]];

}  // namespace strata::alloc
