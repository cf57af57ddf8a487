// inspect/space/stack.h - where each thread's stack lies.
//
//     guard | never touched … | below the stack pointer | used … | static TLS | control block
//           ^ range.start                              ^ stack_pointer range.end
//
// A thread's stack carries no label. glibc keeps a thread's descriptor at the top of the stack that
// it mapped, and the descriptor says where the stack begins and who runs on it; where there is no
// such descriptor (Go, musl), the mapping that the stack pointer is in counts, if a guard is below.
// Source  glibc nptl/descr.h and sysdeps/x86_64/nptl/tls.h; offsets are deduced, see stack.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "inspect/page/present_memory.h"
#include "inspect/target/target.h"

namespace strata {

/// The stack of one thread.
struct Stack {
  pid_t tid = 0;
  std::string thread_name;  ///< raw
  bool is_main = false;
  Range range;                           ///< what is mapped for it, without its guard
  Range guard;                           ///< empty where none was found
  std::optional<Address> stack_pointer;  ///< where it is known
  /// Static TLS and the control block: within `range`, but for the main thread in a mapping of its
  /// own.
  std::optional<Range> thread_block;
  std::string evidence;  ///< how the stack was found
};

/// The stacks of `threads`, by address. A thread whose stack cannot be found has none.
std::vector<Stack> find_stacks(const PresentMemory& memory, const std::vector<Mapping>& mappings,
                               const std::vector<Thread>& threads);

}  // namespace strata
