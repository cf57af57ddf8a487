// inspect/target/thread.h - one thread of the target and where it stands.
// Source  /proc/PID/task/TID/{comm,stat,syscall} live, ptrace registers while frozen,
//         NT_PRSTATUS, NT_PRFPREG and NT_X86_XSTATE in a core.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"

namespace strata {

struct Thread {
  pid_t tid = 0;
  pid_t inner_tid = 0;  ///< the number it knows itself by, in its own PID namespace (a container)
  std::string name;     ///< raw bytes of the target's choosing: show it through printable()
  char state = '?';     ///< as in proc(5): R, S, D, T, t, Z, X; '?' where it is not known
  // Registers are known of a thread that is stopped or blocked in the kernel, never of a running
  // one.
  std::optional<Address> stack_pointer;
  std::optional<Address> instruction_pointer;
  std::optional<Address> thread_pointer;  ///< fs_base; only from ptrace or a core
  // Of these what is only from ptrace or a core, in no order:
  std::vector<std::uint64_t> registers;  ///< what the general ones hold
  std::vector<std::uint64_t> vectors;    ///< what of the vector registers' words may be addresses
};

}  // namespace strata
