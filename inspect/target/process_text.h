// inspect/target/process_text.h - the small texts of /proc/PID, taken apart.
// Source  proc(5); Linux fs/proc/{array,base}.c.
// Errors  None: what a text does not say, or says in a way that cannot be understood, is absent.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "inspect/target/target.h"

namespace strata {

/// /proc/PID/stat's fields from the state on; empty where there are none. The comm before them may
/// hold anything, ") R" too, so they begin behind the last parenthesis.
std::string_view fields_after_comm(std::string_view stat);

/// What stands before and right behind the state in /proc/PID/stat.
struct StatHead {
  std::string_view name;  ///< comm, raw; a part of the text
  char state = '?';
  pid_t parent = 0;
};
std::optional<StatHead> parse_stat_head(std::string_view stat);

/// Where a thread waits in the kernel.
struct BlockedCall {
  std::optional<std::uint64_t> number;  ///< of the system call; nothing where it is in none
  std::uint64_t first_argument = 0;
  Address stack_pointer;
  Address instruction_pointer;
};
/// /proc/PID/task/TID/syscall: "NUMBER 0x.. (six arguments) SP PC", or "-1 SP PC", or "running",
/// which says nothing.
std::optional<BlockedCall> parse_blocked_call(std::string_view text);

/// The PIDs in /proc/PID/task/TID/children, up to the first word that is none.
std::vector<pid_t> parse_children(std::string_view text);

/// The first number on the line of /proc/PID/status that begins with `key` ("\nVmSize:").
std::optional<std::uint64_t> first_number(std::string_view status, std::string_view key);

/// The last number, above 0, on the line of /proc/PID/status that begins with `key` ("\nTgid:").
std::optional<pid_t> last_number(std::string_view status, std::string_view key);

/// The last number of "NSpid:\t4242\t17" in /proc/PID/status: the innermost namespace's.
std::optional<pid_t> inner_pid(std::string_view status);

/// The entries of /proc/PID/auxv that are whole, up to AT_NULL, which is left out.
std::vector<AuxiliaryEntry> parse_auxiliary_vector(std::string_view bytes);

}  // namespace strata
