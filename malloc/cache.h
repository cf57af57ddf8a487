// malloc/cache.h - free blocks at hand for one thread: malloc() and free() are a pop and a push.
//
//     slots      low = slots              top              high
//     [ p ][ p ][ p ][ p ][ p ][ p ][ p ] [   ][   ][   ]
//
// For each class an array of pointers, so that a block that is freed is not touched. What a thread
// frees it keeps, whoever allocated it; what is too much goes back to the spans, half an array at a
// time.
//
// Slow is what leads beyond [low, high): an array that is empty or full, and, where every operation
// is to be seen (sampling, hardening), all of them: then low is above and high below every slot.
//
// Threads the thread's own alone.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "malloc/own_bin.h"
#include "malloc/poison.h"
#include "malloc/samples.h"
#include "malloc/size_class.h"
#include "malloc/space.h"

namespace strata::alloc {

class Cache {
 public:
  /// A block of a class, which is the zone's, marked live. `asked` is what the program said.
  template <unsigned kGranuleShift>
  static void* pop(unsigned size_class, const Zone& zone, std::size_t asked);

  /// A live block, whose state this is; or none, of class 0, which ends the program.
  static void push(void* block, std::size_t size_class, State& state) {
    push_or(block, size_class, state, [&] { overflow(block, static_cast<unsigned>(size_class)); });
  }
  /// With another way where it is slow, which ends in overflow().
  template <class Slow>
  static void push_or(void* block, std::size_t size_class, State& state, Slow slow) {
    OwnBin bin(size_class);
    void** const top = bin.top();
    if (bin.is_high(top)) [[unlikely]] {
      return slow();
    }
    state.store(static_cast<std::uint8_t>(size_class | kInCache), std::memory_order_relaxed);
    *top = block;
    bin.set_top(top + 1);
    poison(block, size_of_class(static_cast<unsigned>(size_class)));
  }

  /// Of this thread's cache: without `this` at hand, free() is two instructions shorter.
  [[gnu::noinline]] static void overflow(void* block, unsigned size_class);

  Arena* arena() const { return arena_; }

  /// Does as samples.wanted() says from here on.
  [[gnu::cold]] void follow_sampling();
  /// Whether count() has anything to do.
  bool counts() const { return (mean_ | samples.wanted()) != 0; }
  /// Counts a block that comes from elsewhere, and samples it where its turn has come.
  void count(void* block, std::size_t bytes, std::size_t asked) {
    if (mean_ != samples.wanted()) [[unlikely]]
      follow_sampling();
    if (mean_ != 0 && (left_ -= static_cast<std::int64_t>(bytes)) < 0) sample(block, bytes, asked);
  }
  /// Gives all back to the spans.
  void empty();
  /// And the arena to other threads.
  void end();
  /// Ends the program where a free block was written to; where harden is on.
  void check_free() const;

 private:
  template <unsigned kGranuleShift>
  [[gnu::noinline]] static void* pop_slowly(unsigned size_class, std::size_t asked);
  [[gnu::noinline]] void* refill(unsigned size_class, std::size_t asked);
  void* take_top(unsigned size_class, std::size_t asked);
  [[gnu::cold, gnu::noinline]] bool sample(void* block, std::size_t bytes, std::size_t asked);
  bool begin();
  struct Bounds {
    bool sees_pops, sees_pushes;
  };
  Bounds bounds() const;
  void bound(unsigned size_class, Bounds bounds);
  void bound_all();
  bool fill(unsigned size_class);
  std::size_t next_capacity(unsigned size_class);
  bool widen(unsigned size_class);
  void note_given(std::size_t bytes);
  std::uint32_t wanted(unsigned size_class);
  void hold(void* block, unsigned size_class);
  // harden.cc:
  void* take_any(unsigned size_class);
  void keep_back(void* block, unsigned size_class);
  void empty_quarantine();

  // Threads' stacks can be as small as 16 KiB, and this lies in them.
  Bin bins_[kClasses];
  Arena* arena_;
  std::uint16_t wanted_[kClasses];    // by the last refill
  std::uint32_t refilled_[kClasses];  // blocks in all
  std::size_t given_;                 // bytes given back to spans and not taken again
  std::uint64_t mean_;                // by which this thread samples; 0: not
  std::int64_t left_;                 // bytes up to the next point
};

template <unsigned kGranuleShift>
void* Cache::pop(unsigned size_class, const Zone& zone, std::size_t asked) {
  OwnBin bin(size_class);
  void** const top = bin.top();
  if (bin.is_low(top)) [[unlikely]]
    return pop_slowly<kGranuleShift>(size_class, asked);
  void* const block = top[-1];
  bin.set_top(top - 1);
  unpoison(block, size_of_class(size_class));
  zone.state_of<kGranuleShift>(block).store(static_cast<std::uint8_t>(size_class),
                                            std::memory_order_relaxed);
  return block;
}

}  // namespace strata::alloc
