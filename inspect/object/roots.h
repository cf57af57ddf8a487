// inspect/object/roots.h - the memory that a program can reach without its heap.
//
//     writable data of modules, less the heap's own  stacks, from the red zone below SP up
//     mappings that are not the heap's              thread-local storage      registers
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

#include "inspect/space/space.h"

namespace strata {

struct RootRange {
  Range range;
  std::string what;  ///< "libfoo.so's data", "main's stack", "an anonymous mapping"
  /// kAnywhere in code that was made at run time: its instructions hold pointers at any byte.
  enum class Pointers { kAligned, kAnywhere } pointers = Pointers::kAligned;
};

/// By address, disjoint. `own` is the heap's, blocks and all; in any order.
std::vector<RootRange> find_roots(const Space& space, std::vector<Range> own);

/// A word in hand of a thread.
struct RegisterRoot {
  std::uint64_t word = 0;
  std::string what;  ///< "a register of thread 4242"
};
/// `waiting` are threads in the kernel, where the C library called it.
std::vector<RegisterRoot> find_register_roots(const Space& space,
                                              const std::vector<pid_t>& waiting);

}  // namespace strata
