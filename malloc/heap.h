// malloc/heap.h - a named heap: blocks that are allocated from it, counted against its limit, seen
// by its name from outside, and given back all at once.
//
//     shelves ──fill──▶ arena of its own ──units──▶ zones      small and medium blocks
//     runs: a list through the page heap's entries             larger ones
//
// Its blocks lie in spans that no other heap has blocks in, with kMarked in their states: so free()
// finds in its slow path whose a block is, and to reset the heap costs a moment for each span, not
// for each block. On the shelves lie some free blocks of each class, marked as cached.
//
// A record is never unmapped. Who holds one holds its address and its generation, which tells one
// that was destroyed, until the record was used 63 times more.
//
// Units   bytes, of blocks as they are, not as they were asked for.
// Errors  null and errno: ENOMEM beyond the limit or without memory, EINVAL for what a pool of
//         objects does not have. Misuse ends the program.
// Threads any number at once; each heap has a lock, which every operation takes, and which costs a
//         thread that has the heap for itself next to nothing. Locks are taken in this order: the
//         list's, heaps', arenas', zones' and runs'.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "abi/malloc_layout.h"
#include "malloc/arena.h"
#include "malloc/biased_lock.h"
#include "malloc/page_heap.h"
#include "malloc/size_class.h"

namespace strata::alloc {

class alignas(64) Heap {
 public:
  static constexpr std::size_t kNoLimit = SIZE_MAX;

  /// What of a heap is for objects of one size; of no size for blocks of any.
  struct Objects {
    std::size_t size = 0, alignment = 1;
  };
  static Heap* create(const char* name, std::size_t limit, Objects objects);
  /// Gives all its blocks back, and then the record to who creates one next.
  void destroy();

  /// What a program has of it.
  void* handle() const;
  /// Ends the program where there is no such heap (any more); `caller` was given it.
  static Heap& at(const void* handle, const char* caller);
  /// Of a live block; null where it is no heap's.
  static Heap* of(const void* block);

  void* take(std::size_t bytes, std::size_t alignment, PageHeap::Contents contents);
  /// Of a pool of objects.
  void* take_object();
  /// As resize() of block.h.
  void* resize(void* block, std::size_t bytes, const char* caller);
  void give(void* block, const char* caller);
  void reset();

  struct Figures {
    std::size_t live_blocks, live_bytes, held_bytes, peak_bytes, limit_bytes, refused;
  };
  Figures figures();
  std::size_t limit();
  void set_limit(std::size_t bytes);
  const char* name() const { return name_; }

  /// Free blocks on its shelves go back to their spans.
  void empty_shelves();

  /// While the process forks.
  static void claim_locks();
  static void leave_locks();
  static void leave_locks_in_child(std::uint32_t self);
  static void describe(abi::MallocLayout& into);

 private:
  static constexpr std::size_t kNameBytes = 48;
  static constexpr std::uintptr_t kGenerations = 63;
  static Heap* take_record();
  static Heap* numbered(std::uint16_t number);

  void* take_block(unsigned size_class);
  void* take_run(std::size_t bytes, std::size_t alignment, PageHeap::Contents contents);
  bool fill(unsigned size_class);
  void empty_all();
  void shelve(void* block, unsigned size_class);
  void give_run(void* block, const char* caller);
  void* resize_run(void* block, std::size_t bytes);
  bool has_room(std::size_t bytes) const {
    return live_bytes_ <= limit_ && bytes <= limit_ - live_bytes_;
  }
  void count_taken(std::size_t bytes) {
    ++live_blocks_;
    live_bytes_ += bytes;
    if (live_bytes_ > peak_) peak_ = live_bytes_;
  }
  void count_given(std::size_t bytes) {
    --live_blocks_;
    live_bytes_ -= bytes;
  }
  void* refuse();
  std::size_t release_all();
  std::size_t size_here(const void* block, const char* caller) const;

  static std::atomic<Heap*> newest_;  // of all records

  BiasedLock lock_;
  std::atomic<std::uint8_t> generation_;
  std::uint8_t object_class_;  // of a pool of objects that are no runs
  std::uint16_t number_;       // its own for ever, from 1
  // Guarded:
  PageHeap::Page runs_;
  std::size_t live_bytes_, live_blocks_, limit_, peak_, refused_, run_bytes_;
  // What may be asked for at most, and what is given at least; they are one in a pool of objects.
  std::size_t most_, least_, alignment_;
  std::uint16_t shelved_[kClasses];  // in arena_.slots
  char name_[kNameBytes];            // empty where the heap is destroyed
  Arena arena_;

  Heap* next_;       // of all records; never changes
  Heap* next_free_;  // of destroyed ones
};

}  // namespace strata::alloc
