// inspect/target/blocked_at.h - where in the kernel a thread waits, read without stopping it.
// Source  /proc/PID/task/TID/{stat,syscall} (proc(5)); the pointers are there only while the thread
//         is blocked.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/file.h"
#include "base/units.h"

namespace strata {

struct BlockedAt {
  char state = '?';
  std::optional<Address> stack_pointer;
  std::optional<Address> instruction_pointer;
  std::string reason;  ///< the end of a sentence: "waits for its vfork child to exec or end"
};

/// `tasks` is the directory /proc/PID/task.
BlockedAt read_blocked_at(const File& tasks, pid_t tid);

}  // namespace strata
