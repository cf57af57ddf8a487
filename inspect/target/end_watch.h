// inspect/target/end_watch.h - lets a traced program run and catches its last thread as it ends.
//
// A thread about to end stops once more, in PTRACE_EVENT_EXIT, before it gives up its share of the
// address space. exit_group() and a fatal signal send every thread there, and the last must stand:
//
//     in /proc/PID/task, by link count       5 threads
//     of these, seen in that stop            4, this one among them    -> let go, another is there
//                                            5                         -> this one stands
//
// Better the first thread stands, since /proc/PID is its own, so it is kept from when it is sent
// there. But an exec sends all threads except its own there too, and waits until they are gone, as
// a core dump may, by the kernel's version. Such a one sleeps uninterruptibly: where all that
// are left do, the first thread is let go after all. Registers of those let go are kept until an
// exec discards them.
//
// Source  ptrace(2); Linux 6.18 kernel/exit.c do_exit(), fs/exec.c de_thread(), kernel/signal.c
//         get_signal(), fs/proc/base.c proc_task_getattr().
// Threads Only the one that forked the program: its children and tracees are waited for, those of
//         other threads are left alone (__WNOTHREAD).
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <set>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "inspect/target/thread.h"

namespace strata {

class EndWatch {
 public:
  /// `pid` is a child of the calling thread, `tasks` its /proc/PID/task.
  EndWatch(pid_t pid, File tasks) : pid_(pid), tasks_(std::move(tasks)) {}

  /// Takes hold of the child without stopping it; 0, or the errno of PTRACE_SEIZE.
  int seize();

  enum class Seen { kLastMoment, kEnd };
  /// Passes on what happens to the program until its last thread stands and the others are gone, or
  /// until it has ended.
  Result<Seen> wait();
  /// Lets the last thread end.
  void let_go();

  /// Whether it has come to the exec of the program.
  bool has_begun() const { return has_begun_; }
  /// What was left of its threads when the last one stood, by tid: that one is 't', others 'X'.
  std::vector<Thread> threads() const;
  /// The signal that it dies of.
  std::optional<int> signal() const;
  /// As of waitpid(2), once it has ended.
  int status() const { return status_; }

 private:
  void handle_stop(pid_t tid, int event, int signal);
  void handle_exit(pid_t tid);
  void handle_quiet();
  void sweep(Thread thread);
  bool stands_alone() const;
  bool others_sleep() const;
  std::size_t count_threads() const;
  Thread look_at(pid_t tid) const;
  bool called_exit(pid_t tid) const;

  pid_t pid_;
  File tasks_;
  bool has_begun_ = false;
  std::set<pid_t> ending_;     // seen in PTRACE_EVENT_EXIT, not yet reaped
  std::vector<Thread> swept_;  // those of them that something else than themselves ended
  std::optional<Thread> standing_;
  unsigned long code_ = 0;  // what the one that stands ends with, coded as a wait status
  unsigned quiet_us_ = 0;   // for how long to sleep when nothing happens
  int status_ = 0;
};

}  // namespace strata
