// inspect/target/gated_program.h - a program that is forked, and waits at a gate before its exec.
//
//     strata                      child
//       │ fork ────────────────────▶ │ waits at the gate
//       │ (takes hold of it)         │
//       │ one byte ────────────────▶ │ execvp()
//       │ ◀─────────────────── errno │ only where that failed; then it ends with 127
//
// So whoever starts it can trace it from its first instruction on. It inherits what strata has:
// descriptors that are not close-on-exec, environment, process group, what strata ignores.
// Where strata dies before it opens the gate, the child ends and has run nothing.
// Source  execvp(3): a name without '/' is looked for in PATH, a script without #! goes to sh.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace strata {

class GatedProgram {
 public:
  /// `signals` is the mask of blocked signals that the program shall start with.
  static Result<GatedProgram> fork(const std::vector<std::string>& command,
                                   const sigset_t& signals);

  pid_t pid() const { return pid_; }
  void open_gate();
  /// Never to be opened: the child ends.
  void close_gate() { channel_ = {}; }
  /// The errno of its exec; nothing where that succeeded, or the child has not come to it.
  std::optional<int> exec_error();

 private:
  GatedProgram(pid_t pid, File channel) : pid_(pid), channel_(std::move(channel)) {}

  pid_t pid_;
  File channel_;
};

/// Why `program` could not be started, and the way out.
Error explain_exec_error(const std::string& program, int error_number);

}  // namespace strata
