// inspect/target/refusal.h - why the kernel refuses to let a process be traced or read, and the way
// out.
// Source  /proc/PID/status (TracerPid, Uid), /proc/sys/kernel/yama/ptrace_scope; ptrace(2),
//         "Ptrace access mode checking"; Linux Documentation/admin-guide/LSM/Yama.rst.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace strata {

/// Where the kernel's settings are; a test's own directory stands for it.
inline constexpr const char* kKernelSettings = "/proc/sys/kernel";

/// The error for PTRACE_SEIZE of `tid`, refused with `error_number`. `tasks` is the directory
/// /proc/PID/task. The tracer may be gone by now; then it is not named.
Error explain_refusal(const File& tasks, pid_t pid, pid_t tid, int error_number,
                      const std::string& settings = kKernelSettings);

enum class Wish { kTrace, kRead, kStart };  ///< kStart: to trace what strata starts itself
/// Adds to a refusal which setting was in the way, where one was, and the way out.
void explain_by_settings(Error& refused, Wish wish, const std::string& settings = kKernelSettings);

}  // namespace strata
