// inspect/target/freeze.h - stops all threads of a process for a bounded time, and lets go
// whatever happens.
//
// Who stops the target is not this process but a keeper, forked for it, in a session of its own,
// and best before this process has grown:
//
//     strata ──pipe── keeper ══ptrace══ every thread of the target
//
// The keeper lets go at the limit by its own clock, and at once when strata's end of the pipe
// closes; the kernel lets go when the keeper dies, and a timer of the kernel's kills it 50 ms after
// the limit, also where it was stopped itself. So SIGKILL, SIGSTOP or Ctrl-Z of strata, a blocked
// pager and a crash all end with the target running. strata in turn watches the keeper.
//
// What the target can notice: epoll_wait, semop and recv with a timeout return EINTR (Linux 6.18);
// nanosleep and poll resume. Signals are delivered afterwards, none is lost. A set-user-ID program
// that it execs in the very moment of the stop may run without that right, as under any tracer
// that lacks CAP_SYS_PTRACE.
//
// Whose number the target's has become is not stopped: the threads are listed through the target's
// own directory of /proc, which a reused number does not lead to. A thread can be traced by its
// number alone; where the target's ended and another process got the number, in the microseconds
// between two system calls, that one is traced and let go as soon as it is seen, never interrupted.
// A signal that comes to it in between waits until then.
//
// Cost    Standing, on a busy 2-core machine: about 0.15 ms for 1 idle thread, 4 ms for 100, 50 to
//         70 ms for 1000, four fifths of it the stop; 1000 threads that all run took 2 s, since
//         each needs a turn on a processor first. The fork copies the page tables of whoever calls
//         prepare(): 0.24 ms at 5 MB, 0.8 ms at 30 MB, 25 ms at 300 MB; what was there at that
//         time and is written while the keeper lives is copied, 2 ms for 4 MiB.
// Source  ptrace(2): PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_GETREGSET; no signal is sent.
// Errors  kPermission where ptrace is refused (yama, capabilities), naming the tracer where
//         another one holds the target; kGone; kLimit where no thread stopped in time; kUsage for
//         strata itself; kUnsupported for a kernel thread.
// Threads A Freeze belongs to one thread at a time; strata may have others.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "inspect/target/target.h"

namespace strata {

class Freeze {
 public:
  using Duration = std::chrono::microseconds;

  /// Makes the keeper for `target`, a live process, and touches nothing of it.
  static Result<Freeze> prepare(const Target& target);
  /// The same by number: whoever has it at this moment.
  static Result<Freeze> prepare(pid_t pid);

  /// Stops every thread, also those made meanwhile. Returns when all stand, or when an eighth of
  /// the limit brought nothing and the rest sleep uninterruptibly (one in vfork does), or when half
  /// the limit is over: threads that did not stop are in not_stopped(). Once.
  Result<void> stop(Duration limit);

  Freeze(Freeze&&) noexcept;
  Freeze& operator=(Freeze&&) noexcept;
  ~Freeze();  ///< lets go, and waits until the keeper has

  /// Lets go now; how long the target stood, from before its first thread was touched until the
  /// last was let go, measured by the keeper. Safe to call twice.
  Duration release();
  /// True where the keeper was killed and nobody measured: then the target stood for at most what
  /// release() says, until the keeper was seen to be gone.
  bool stood_at_most() const;
  /// True while every thread that stood still stands; false once the limit has passed, the target
  /// was killed, or the keeper was; a keeper found stopped is killed.
  bool holds() const;

  /// All threads by tid, with the registers at which they stand: state 't', or 'T' where a signal
  /// had stopped it before. One that did not stop has its own state and, if it is blocked, the
  /// registers but the thread pointer; a leader that ended before its threads is 'Z'.
  const std::vector<Thread>& threads() const;
  /// What did not stop and why, one sentence each.
  const std::vector<std::string>& not_stopped() const;

 private:
  struct State;
  static Result<Freeze> prepare(pid_t pid, File tasks);
  explicit Freeze(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace strata
