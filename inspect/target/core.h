// inspect/target/core.h - a core file as a target.
// A core holds bytes and registers, no page tables: what was resident is not in it, and what
// coredump_filter left out is named by absences().
//
//     PT_LOAD   |r-x        |rw-   |rw-             |r-x  |   what memory was: range, protection
//     in file   |#          |######|####            |     |   the first so many bytes of each
//     NT_FILE   |libc.so.6, offset 0x26000 …|              |   what it was mapped from
//
// What was left out of a module's code is read from the file at its path, if the build-id there is
// the one in the core, and nothing could have written to it. Nothing else is read from outside.
// gdb's gcore gives some mapped files no PT_LOAD; their protection is that of the module's program
// headers where the core holds them, else "---p". And gdb 13 marks every PT_LOAD readable, guards
// too.
// A core records no device and inode: in its mappings the device is 0:0 and the inode counts the
// paths from 1. Labels: [vdso], [vsyscall] and [stack] are deduced, [heap] cannot be.
//
// Source  core(5), elf(5), gcore(1); Linux fs/binfmt_elf.c for the notes' shapes.
// Errors  kCorrupt, with the note or header and the offset; a truncated core opens, and says
//         how much of it is missing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inspect/target/target.h"

namespace strata {

/// `path` must be an ELF core of this machine's architecture.
Result<std::unique_ptr<Target>> open_core(const std::string& path);

/// The signal that ended the process, where one did.
struct CoreSignal {
  int number = 0;  ///< SIGSEGV
  int code = 0;    ///< si_code
  pid_t tid = 0;   ///< the thread it came to; 0: not recorded
  std::optional<Address> fault_address;
};
/// Absent for a core that was taken of a running process, and where `target` is not a core.
std::optional<CoreSignal> core_signal(const Target& target);

/// Whether the file starts like an ELF core of any machine, to tell a core's path from a process's
/// name. Never blocks; false where the file cannot be read.
bool looks_like_core(const std::string& path);

/// What of one mapping's bytes stands in the core file. Empty for a live process.
struct CoreExtent {
  Range range;    ///< the mapping's
  Bytes in_file;  ///< the first so many bytes of it are in the core
};
/// Sorted by address; empty where `target` is not a core.
std::vector<CoreExtent> core_extents(const Target& target);

}  // namespace strata
