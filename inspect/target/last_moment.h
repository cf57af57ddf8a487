// inspect/target/last_moment.h - runs a program to its end, and holds it there while its memory
// still stands.
//
//     strata ─── a thread of its own ══ptrace══ the program
//                                                 runs; a signal, an exec, a thread that begins or
//                                                 ends is a short stop, no system call is
//                                                 exit_group(), or a fatal signal, SIGKILL too
//     wait_for() returns ◀─────────────────────── its last thread stands, the others are gone
//     Process::open(pid()), read
//     finish() ─────────────────────────────────▶ ends, as it would have
//
// When it stands, exit handlers and destructors have run. Its address space is whole: maps, mem,
// smaps, pagemap, map_files, fd, syscall in /proc/PID were seen to work as ever (Linux 6.18), also
// after SIGKILL. Of the other threads the stacks' memory is there, their registers were kept as
// they ended, and the kernel has cleared the word that set_tid_address(2) names: glibc's "tid".
// Where the first thread is not the one that stands, /proc/PID is a zombie's; Process::open() then
// reads through the one that does.
//
// Looked at is the process that was started, and of several images that it execs the last.
// Processes that it forks run untraced, and may outlive it. What it starts in the background is not
// waited for.
//
// Signals are passed on, and stopping and going on by job control work. While wait_for() runs,
// strata itself ignores SIGINT and SIGQUIT, which a terminal sends to the program too; all other
// signals do to strata what they always do. SIGTSTP stops both, SIGCONT wakes both.
// A strata that is killed, in whatever moment, leaves the program running, or ending, by itself.
// A strata that is stopped alone lets it run until its next short stop, and there it waits.
// While it stands, no signal ends the program, nor does SIGKILL: finish() does, or strata's end.
//
// What the program can notice: TracerPid, and whatever else tells of a tracer. It cannot be traced
// by another meanwhile, or by itself (debuggers, LeakSanitizer, crash handlers). A set-user-ID
// program, or one with file capabilities, runs without these unless strata has CAP_SYS_PTRACE. A
// signal that it ignores (SIGCHLD, SIGWINCH by default) makes calls that are never restarted, as
// epoll_wait(2), return EINTR.
//
// Cost    Two stops for each new thread, one for each end, exec and signal, SIGCHLD among them.
//         20,000 threads made and joined one by one: 0.11 ms each instead of 0.03.
// Source  ptrace(2), "Stopping", PTRACE_SEIZE, PTRACE_EVENT_EXIT, PTRACE_LISTEN.
// Errors  kNotFound where there is no such program; kPermission where it may not be executed, and
//         where ptrace is refused (seccomp, yama), with the setting; kUsage for no command.
// Threads A LastMoment belongs to one thread at a time; strata may have others, and children.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "inspect/target/thread.h"

namespace strata {

class LastMoment {
 public:
  /// Starts `command`, a program and its arguments, with the standard input, output and error that
  /// strata has, and returns when it is about to end, however long that takes.
  static Result<LastMoment> wait_for(const std::vector<std::string>& command);

  LastMoment(LastMoment&&) noexcept;
  LastMoment& operator=(LastMoment&&) noexcept;
  ~LastMoment();  ///< as finish()

  pid_t pid() const;
  /// False where it ended without a last moment, as where it has a thread made with CLONE_UNTRACED,
  /// and after finish(): there is no memory to be read.
  bool stands() const;
  /// What is known of its threads at that moment, by tid, with the registers at which each ended:
  /// state 't' of the one that stands, 'X' of those that ended with the process. One that had ended
  /// by itself before is not among them; nor are, but for the one that stands, a 32-bit program's.
  const std::vector<Thread>& threads() const;
  /// The signal that it dies of; nothing where it exits.
  std::optional<int> signal() const;

  /// Lets it end, and waits for that; its wait status, as of waitpid(2). Safe to call twice.
  Result<int> finish();

 private:
  struct State;
  explicit LastMoment(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace strata
