// malloc/arena.h - the spans of one thread at a time.
//
//     thread cache  ──refill, flush──▶  arena  ──units──▶  zones
//
// Its own thread takes the lock in slow paths alone; others take it when they have given back the
// last block of a span, or need spans that a thread which is gone, or rests, has left.
//
//     lists_[class]   spans that have free blocks, or are not fully cut
//     pending_        spans that have free blocks again; whoever freed one put it there
//
// An arena outlives its thread: the next thread that begins goes on with it. A named heap has one
// of its own (heap.h), which no thread ever has; it knows its full spans too.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "abi/malloc_layout.h"
#include "malloc/lock.h"
#include "malloc/size_class.h"
#include "malloc/span.h"

namespace strata::alloc {

class Heap;
class Quarantine;
class Zone;

class Arena {
 public:
  /// Takes up to `want` blocks of a class, marks them as cached and puts them below `end`, the
  /// lowest address last; how many. 0 where there is no memory.
  std::uint32_t take(unsigned size_class, void** end, std::uint32_t want);

  /// Gives cached blocks of a class back to their spans, whoever owns these.
  static void give(unsigned size_class, void* const* blocks, std::uint32_t count);

  /// Gives back pages of spans in which nothing is used; their bytes. Blocks on them stay free. Of
  /// one that is at work, those of settled spans: nothing was taken from them or given to them
  /// since the last call; and no more than a part of them at a time.
  enum class Sweep { kAll, kSettled };
  std::size_t purge_spans(Sweep which);

  /// By which its thread took blocks, or gave some back.
  std::uint64_t operations() const { return operations_.load(std::memory_order_relaxed); }
  void count_operation() { operations_.store(operations() + 1, std::memory_order_relaxed); }
  /// Whether there was none since the last call; of one thread.
  bool rests();

  /// Gives back all spans in which nothing is used, the last of a class too.
  void release_unused();

  /// An arena for a thread that begins: one that was left, or a new one; null without memory.
  static Arena* attach();
  /// Leaves it to others.
  void detach();
  /// In a child that was forked: leaves all but `own`, whose threads are not there any more. What
  /// their caches held is lost to the child.
  static void leave_all_but(Arena* own);

  /// A named heap's, once and for ever: it stands among all arenas, and no thread gets it.
  void join(Heap& heap);
  /// Null where it is a thread's.
  Heap* heap() const { return heap_; }
  /// Of a heap's: gives back all spans at once, with what is live in them; their bytes.
  std::size_t release_all();
  /// Bytes of its spans.
  std::size_t held();

  /// Memory for so many slots or a few more, of what a class has left that got more; null without.
  void** take_slots(std::size_t count);
  void leave_slots(void** left, std::size_t count);

  // The thread's cache keeps its slots with the arena (cache.h).
  void** slots[kClasses];
  std::uint16_t capacity[kClasses];
  Quarantine* quarantine;    // where harden is on, and once there was something to put in
  std::size_t held_besides;  // bytes that these have room for beyond what each may

  Lock& lock() { return lock_; }
  Arena* next() const { return next_; }
  static Arena* first() { return first_.load(std::memory_order_acquire); }
  static Lock& list_lock();
  static void describe(abi::MallocLayout& into);

 private:
  /// Units that it has left: a few, and those that others may take, which are guarded by their
  /// zone.
  struct Spare {
    static constexpr unsigned kMost = 16;
    unsigned count;
    Span* units[kMost + 1];
    Span* home;
  };
  struct LeftSlots {
    LeftSlots* next;
    std::size_t count;
  };

  std::uint32_t claim(Span& span, void** end, std::uint32_t want);
  std::uint32_t carve(Span& span, void** end, std::uint32_t want);
  Span* begin_span(unsigned size_class);
  bool drain();
  bool adopt(unsigned size_class);
  bool adopt_from(Arena& arena, unsigned size_class);
  bool is_left(std::uint64_t now);
  void list(Span& span);
  void unlist(Span& span);
  bool release_if_unused(Span& span);
  bool release_if_all_free(Span& span);
  void give_back(Span& span);
  Spare& spare_of(unsigned size_class) { return spare_[is_small(size_class)]; }
  Span* take_unit(unsigned size_class);
  void put_spare(Span& span, unsigned size_class);
  void give_spare(unsigned size_class, unsigned kept);
  void give_all_spare();
  void push_pending(Span& span);
  template <unsigned kGranuleShift>
  static void give_to(const Zone& zone, unsigned size_class, void* const* blocks,
                      std::uint32_t count);
  static void count_free(Span& span, std::uint32_t count);
  static bool is_settled(Span& span);
  std::size_t purge_span(Span& span);
  Arena* of_this_thread();
  void become_idle();

  static std::atomic<Arena*> first_;  // of all
  LeftSlots* left_slots_;             // its thread's alone
  Lock lock_;
  // Guarded:
  Span* lists_[kClasses];  // rings
  Span* full_;             // a ring of those that are in no list; of a heap's arena alone
  std::size_t held_;
  std::uint8_t sweep_;
  Spare spare_[2];

  std::atomic<std::uint64_t> operations_;   // by its thread alone
  std::uint64_t operations_seen_;           // by rests()
  alignas(64) std::atomic<Span*> pending_;  // by all
  alignas(64) std::atomic<bool> is_idle_;
  std::atomic<std::uint64_t> operations_looked_;  // by is_left(), and when it saw them first, ms
  std::atomic<std::uint64_t> looked_;
  Arena* looked_at_;           // by adopt() next
  std::uint64_t looks_again_;  // later than then
  Heap* heap_;
  std::atomic<std::uint32_t> thread_;  // that has it, or had it last; for readers
  Arena* next_;                        // of all; never changes
  Arena* next_idle_;
};

}  // namespace strata::alloc
