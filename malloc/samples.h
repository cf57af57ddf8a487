// malloc/samples.h - blocks on which a point fell, and who allocated them (abi/malloc_samples.h
// says what a point is).
//
//     cache: counts bytes down to the next point ──▶ samples: a record, a stack ──▶ a reader
//     outside
//
// A sampled block's state has a mark, so that free() finds it in its slow path; a run of pages has
// none, and is looked for. All memory that this takes has a bound; what has no room is counted.
//
// Cost    nothing before it is first on; then some 300 KiB of address space, most of it never
//         touched, and 64 bytes for each sampled block and some 150 for each stack; 17 MiB at most.
// Threads any number at once: a lock, taken for sampled blocks alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "abi/malloc_layout.h"
#include "abi/malloc_samples.h"
#include "malloc/growing.h"
#include "malloc/lock.h"

extern "C" strata::abi::MallocLayout strata_malloc_layout;  // whose table of samples it is

namespace strata::alloc {

class Samples {
 public:
  /// How many bytes apart points are to be on average; 0: none. Others outside may write it.
  std::uint64_t wanted() const {
    return __atomic_load_n(&strata_malloc_layout.samples.wanted, __ATOMIC_RELAXED);
  }
  void want(std::uint64_t mean);

  /// Address space that it needs, and where.
  static constexpr std::size_t kReserved = std::size_t{32} << 20;
  void place(std::uintptr_t start) { start_ = start; }

  /// Has room for records; false where there is no memory for it.
  bool begin();

  /// Bytes up to a point.
  std::int64_t next_gap(std::uint64_t mean);

  /// Notes a block on which a point fell, with its caller's stack; false where there is no room.
  bool add(void* block, std::size_t bytes, std::size_t asked, std::uint64_t mean);
  /// The block's record, taken out; false where there is none.
  bool take(const void* block, abi::MallocSample& sample);
  bool remove(const void* block) {
    abi::MallocSample sample;
    return may_have(block) && take(block, sample);
  }
  /// Back again, as it was taken out.
  void put_back(const abi::MallocSample& sample);
  /// False where it certainly has none, which is told without a lock.
  bool may_have(const void* block) const {
    Head* const heads = heads_.load(std::memory_order_acquire);
    return heads != nullptr && heads[index_of(block)].load(std::memory_order_relaxed) != 0;
  }

  Lock& lock() { return lock_; }
  /// For tests: from here on gaps are the same on each run.
  void seed(std::uint64_t bits) { drawn_.store(bits, std::memory_order_relaxed); }

 private:
  using Head = std::atomic<std::uint32_t>;
  static constexpr std::uint32_t kHeads = 1u << 15;
  static constexpr std::uint32_t kMostRecords = 1u << 17;
  static constexpr std::uint32_t kMostWords = 1u << 20;
  static constexpr std::uint32_t kStackHeads = 1u << 13;

  static std::size_t index_of(const void* block);
  Head& head_of(const void* block) const {
    return heads_.load(std::memory_order_relaxed)[index_of(block)];
  }
  std::uint32_t find_stack(const std::uint64_t* callers, std::uint32_t depth);
  abi::MallocSample* take_record();
  void link(abi::MallocSample& sample);

  std::uintptr_t start_ = 0;
  std::atomic<std::uint64_t> drawn_{0};
  std::atomic<Head*> heads_{
      nullptr};  // of chains of records, by address; a record's number and one
  Lock lock_;
  // Guarded:
  Growing heads_memory_, records_memory_, words_memory_;
  abi::MallocSample* records_ = nullptr;
  std::uint64_t* words_ = nullptr;
  std::uint32_t* stack_heads_ = nullptr;
  std::uint32_t free_ = 0;  // a record's number and one; by `next`
};

extern constinit Samples samples;

}  // namespace strata::alloc
