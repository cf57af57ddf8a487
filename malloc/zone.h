// malloc/zone.h - address space for blocks of one kind, small or medium: units, each a span of one
// class, with their states and spans beside them at the same index.
//
//     base                                        frontier
//     [unit 0][unit 1][unit 2] …                  |  never used        16 KiB or 128 KiB each
//     [states][states][states] …                                       a byte for each granule
//     [span 0][span 1][span 2] …                                       64 bytes each
//
// Free units are dirty, with their pages still there, or clean. Dirty ones are used first, lowest
// address first, so that what is not needed gathers at the end; that is given back (decay.h).
//
// Threads any number at once.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "abi/malloc_layout.h"
#include "malloc/block_state.h"
#include "malloc/growing.h"
#include "malloc/lock.h"
#include "malloc/low_water.h"
#include "malloc/os.h"
#include "malloc/span.h"
#include "malloc/unit_set.h"

namespace strata::alloc {

struct Census;

class Zone {
 public:
  struct Shape {
    unsigned unit_shift, granule_shift;
  };

  constexpr explicit Zone(Shape shape) : shape_(shape) {}

  /// Has `state` lead to the state that an address has here; false where no block can begin. What
  /// is no multiple of a granule becomes a number beyond all others. All that free() asks in the
  /// first place.
  template <unsigned kGranuleShift>
  bool find_state(const void* address, State*& state) const {
    const std::size_t granule =
        std::rotr(reinterpret_cast<std::uintptr_t>(address) - base_, kGranuleShift);
    state = states_ + granule;
    return granule < granules_.load(std::memory_order_relaxed);
  }
  /// The state of a block that is here.
  template <unsigned kGranuleShift>
  State& state_of(const void* block) const {
    return *reinterpret_cast<State*>(states_of_zero_ +
                                     (reinterpret_cast<std::uintptr_t>(block) >> kGranuleShift));
  }

  /// What it needs beside its blocks, for `bytes` of them.
  std::size_t beside(std::size_t bytes) const;
  /// Takes its places; `beside` are so many bytes as it needs.
  void place(std::uintptr_t base, std::size_t bytes, std::uintptr_t beside);

  /// Before it takes its places: from now on units are taken at random, and no block lies on a
  /// unit's last page, which is guarded.
  void harden() { guard_ = os::page(); }

  std::uintptr_t base() const { return base_; }
  std::uintptr_t end() const { return data_.end(); }
  State* states() const { return states_; }
  /// Where they would begin if the zone began at address 0.
  std::uintptr_t states_of_zero() const { return states_of_zero_; }
  std::size_t unit_size() const { return std::size_t{1} << shape_.unit_shift; }
  std::size_t states_of_unit() const { return unit_size() >> shape_.granule_shift; }
  std::uint32_t blocks_of(unsigned size_class) const {
    return static_cast<std::uint32_t>((unit_size() - guard_) / size_of_class(size_class));
  }

  Span& span_of(const void* block) const {
    return spans_[(reinterpret_cast<std::uintptr_t>(block) - base()) >> shape_.unit_shift];
  }
  std::uintptr_t address_of(const Span& span) const {
    return base() + (static_cast<std::uintptr_t>(&span - spans_) << shape_.unit_shift);
  }
  State* states_of(const Span& span) const {
    return states_ + static_cast<std::size_t>(&span - spans_) * states_of_unit();
  }
  State& state_of(const void* block) const {
    return states_[(reinterpret_cast<std::uintptr_t>(block) - base()) >> shape_.granule_shift];
  }
  /// States from one block's to the next one's.
  std::size_t stride(unsigned size_class) const {
    return size_of_class(size_class) >> shape_.granule_shift;
  }

  /// Units that nobody uses, their states 0: up to so many whose pages are there, or one; how many
  /// they are, 0 where there is no memory. Of those in `home`, a ring that the zone keeps, where
  /// there are any: what one processor has written to is in its cache.
  unsigned take_units(Span*& home, Span** units, unsigned most);
  /// Some that are of no use any more, their states 0; `home` is whose they were.
  void give_units(Span*& home, Span* const* units, unsigned count);

  /// Ends a period: what was not needed for some of them (low_water.h) is owed to the kernel; its
  /// bytes, which purge_some() gives.
  std::size_t end_period();
  /// Gives back so many bytes or a little more, as far as they are dirty; how many it was.
  std::size_t purge_some(std::size_t bytes);
  /// Gives all back that is free, and of address space what is behind the last unit in use.
  [[gnu::cold]] void retreat();
  std::size_t dirty_bytes() const { return std::size_t{dirty_.size()} << shape_.unit_shift; }
  std::uint32_t frontier() const { return frontier_; }

  void count(Census& census) const;
  /// Where a reader finds it, and its units that are no span.
  void describe(abi::MallocZone& into, std::uint64_t& dirty, std::uint64_t& clean) const;

  Lock& lock() { return lock_; }

 private:
  unsigned take_dirty(Span*& home, Span** units, unsigned most);
  Span* take_clean();
  void take_huge_page();
  Span* take_fresh();
  bool extend();
  std::uint32_t choose(UnitSet& units) const;
  std::size_t purge(std::uint32_t units);
  void purge_states(std::uint32_t from, std::uint32_t end);
  bool is_unused(std::uint32_t unit) const;

  std::uintptr_t base_ = 0;
  State* states_ = nullptr;
  std::uintptr_t states_of_zero_ = 0;
  std::atomic<std::size_t> granules_{0};  // below the frontier
  const Shape shape_;
  std::size_t guard_ = 0;  // at each unit's end
  Span* spans_ = nullptr;

  Lock lock_;
  // Guarded:
  Growing data_, states_memory_, spans_memory_;
  UnitSet dirty_, clean_;
  std::atomic<std::uint32_t> frontier_{0};
  std::uint32_t units_ = 0;
  LowWater unneeded_;
};

}  // namespace strata::alloc
