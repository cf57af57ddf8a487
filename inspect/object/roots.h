// inspect/object/roots.h - the memory that a program can reach without its heap.
//
//     writable data of modules, less main_arena     stacks, from the red zone below SP up
//     mappings that are no heap of glibc's          thread-local storage      registers
//
// What a module's data was before it was protected (RELRO) counts as writable.
//
// Memory of other allocators (pymalloc's arenas, a JVM's heap) is a root as a whole: what in it is
// free cannot be told here, so it may hide leaks. So may the stacks of ended threads, which glibc
// keeps for the next ones, and vector registers, which keep what was copied through them last. Of a
// thread that waits in the kernel these are no roots where the C library called it: a call may
// change them all, so nobody looks at them after it (System V ABI, x86-64).
// Threads one at a time.
#pragma once

#include <string>
#include <vector>

#include "inspect/heap/glibc/heap.h"
#include "inspect/space/space.h"

namespace strata {

struct RootRange {
  Range range;
  std::string what;  ///< "libfoo.so's data", "main's stack", "an anonymous mapping"
  /// kAnywhere in code that was made at run time: its instructions hold pointers at any byte.
  enum class Pointers { kAligned, kAnywhere } pointers = Pointers::kAligned;
};

/// By address, disjoint.
std::vector<RootRange> find_roots(const Space& space, const glibc::Heap& heap);

/// A word in hand of a thread.
struct RegisterRoot {
  std::uint64_t word = 0;
  std::string what;  ///< "a register of thread 4242"
};
std::vector<RegisterRoot> find_register_roots(const Space& space, const glibc::Heap& heap);

}  // namespace strata
