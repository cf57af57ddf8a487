// inspect/target/refusal.h - why the kernel refuses to let a thread be traced, and the way out.
// Source  /proc/PID/status (TracerPid, Uid), /proc/sys/kernel/yama/ptrace_scope; ptrace(2),
//         "Ptrace access mode checking".
#pragma once

#include <sys/types.h>

#include "base/file.h"
#include "base/result.h"

namespace strata {

/// The error for PTRACE_SEIZE of `tid`, refused with `error_number`. `tasks` is the directory
/// /proc/PID/task. The tracer may be gone by now; then it is not named.
Error explain_refusal(const File& tasks, pid_t pid, pid_t tid, int error_number);

}  // namespace strata
