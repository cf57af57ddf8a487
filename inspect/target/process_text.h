// inspect/target/process_text.h - the small texts of /proc/PID, taken apart.
// Source  proc(5); Linux fs/proc/{array,base}.c.
// Errors  None: what a text does not say, or says in a way that cannot be understood, is absent.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>
#include <vector>

#include "inspect/target/target.h"

namespace strata {

/// /proc/PID/stat's fields from the state on; empty where there are none. The comm before them may
/// hold anything, ") R" too, so they begin behind the last parenthesis.
std::string_view fields_after_comm(std::string_view stat);

/// Where a blocked thread stands, from /proc/PID/task/TID/syscall: "running", or
/// "NUMBER 0x.. (six arguments) SP PC", or "-1 SP PC". Says nothing of a running thread.
void parse_syscall(std::string_view text, Thread& thread);

/// The last number, above 0, on the line of /proc/PID/status that begins with `key` ("\nTgid:").
std::optional<pid_t> last_number(std::string_view status, std::string_view key);

/// The last number of "NSpid:\t4242\t17" in /proc/PID/status: the innermost namespace's.
std::optional<pid_t> inner_pid(std::string_view status);

/// The entries of /proc/PID/auxv that are whole, up to AT_NULL, which is left out.
std::vector<AuxiliaryEntry> parse_auxiliary_vector(std::string_view bytes);

}  // namespace strata
