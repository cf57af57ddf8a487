// inspect/target/tracees.h - the threads of a target while a keeper stops and holds them.
//
//     listed in /proc/PID/task ─▶ seized ─▶ is it still the target's? ─▶ interrupted ─▶ stands
//
// PTRACE_SEIZE takes a number, and the thread that was listed under it may have ended and left it
// to another process. So each is looked for in the target's own directory right before it is
// seized, and again before it is interrupted: seizing alone stops nobody, and a thread that is
// seized keeps its number. One that turns out to be another process's is never interrupted; the
// keeper ends at once, which lets it go.
//
// Rules   System calls only, as in keeper.h.
// Source  ptrace(2); Linux fs/proc/base.c, proc_task_lookup(): a name is found there only while its
//         thread belongs to the process that the directory was opened of.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>

#include "inspect/target/keeper.h"

namespace strata {

class Tracees {
 public:
  /// `tasks` is the target's /proc/PID/task. One at a time in a process: SIGCHLD is answered here.
  Tracees(KeeperReport& report, int tasks);

  /// Lists the threads and interrupts those not seen before; false with a failure in the report.
  /// None is waited for, so that all come to a stop at the same time.
  bool seize_new();
  /// Looks which have stopped or ended.
  void settle_all();
  /// Asks all once more, since an exec meanwhile ends threads that stood and gives a new one the
  /// leader's tid. A stop that was seen stays to be seen, so this costs two system calls a thread.
  bool still_stand();
  /// False once the thread that the kernel lists first runs, has ended, or was replaced by an exec.
  bool leader_stands();
  /// Reaps what has ended and leaves what has stopped.
  void reap();
  void let_go();

  bool found_new() const { return found_new_; }  ///< in the last listing
  bool listed_once() const { return round_ > 0; }
  std::uint32_t moving() const { return moving_; }  ///< at the last settle_all()
  bool all_uninterruptible() const;
  /// Whether the last listing had as many threads as the directory counts.
  bool all_listed() const;
  sig_atomic_t reaped() const;

 private:
  bool seize(KeptThread& thread);
  void settle(KeptThread& thread);
  bool is_anothers(pid_t tid) const;
  // The kernel lists the leader first, and its tid stays the same over an exec.
  bool is_leader(const KeptThread& thread) const { return thread.tid == report_.threads[0].tid; }
  KeptThread* find_or_add(pid_t tid);

  KeeperReport& report_;
  int tasks_;
  std::uint32_t round_ = 0;
  std::uint32_t listed_ = 0;
  bool found_new_ = false;
  std::uint32_t moving_ = 0;
};

}  // namespace strata
