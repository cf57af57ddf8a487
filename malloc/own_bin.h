// malloc/own_bin.h - a bin of the calling thread's cache, as malloc() and free() see it: its top,
// and what bounds it.
//
// On x86-64 thread-local storage lies behind a segment register, and an operand in memory can name
// it. C++ has no word for that, and computes the address each time: two instructions of each call.
//
// Threads each has its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "malloc/size_class.h"

namespace strata::alloc {

/// Slots of a class; those below the top hold blocks. Within the bounds, low < top < high, malloc()
/// and free() do as they please.
struct Bin {
  void** top;
  void** low;
  void** high;
  void** slots;
};

class Cache;
/// It begins with a bin for each class. What is read and written here by hand is written and read
/// elsewhere as any other memory, which compilers are told of by "memory".
extern thread_local constinit Cache cache __asm__("strata_malloc_cache");

class OwnBin {
 public:
#if defined(__x86_64__) && defined(__LP64__)
  explicit OwnBin(std::size_t size_class) : at_(size_class * sizeof(Bin)) {
    __asm__("movq strata_malloc_cache@gottpoff(%%rip), %0" : "=r"(cache_));
  }
  void** top() const {
    void** top;
    __asm__ volatile("movq %%fs:(%1,%2), %0" : "=r"(top) : "r"(cache_), "r"(at_) : "memory");
    return top;
  }
  bool is_low(void** top) const {
    bool is;
    __asm__ volatile("cmpq %%fs:8(%1,%2), %3" : "=@ccbe"(is) : "r"(cache_), "r"(at_), "r"(top));
    return is;
  }
  bool is_high(void** top) const {
    bool is;
    __asm__ volatile("cmpq %%fs:16(%1,%2), %3" : "=@ccae"(is) : "r"(cache_), "r"(at_), "r"(top));
    return is;
  }
  void set_top(void** top) {
    __asm__ volatile("movq %2, %%fs:(%0,%1)" : : "r"(cache_), "r"(at_), "r"(top) : "memory");
  }

 private:
  std::uintptr_t cache_, at_;  // from where the register points to; from there
#else
  explicit OwnBin(std::size_t size_class) : bin_(reinterpret_cast<Bin*>(&cache)[size_class]) {}
  void** top() const { return bin_.top; }
  bool is_low(void** top) const { return top <= bin_.low; }
  bool is_high(void** top) const { return top >= bin_.high; }
  void set_top(void** top) { bin_.top = top; }

 private:
  Bin& bin_;
#endif
};

}  // namespace strata::alloc
