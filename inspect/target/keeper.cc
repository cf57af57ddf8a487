#include "inspect/target/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "inspect/target/bare_proc.h"

namespace strata {
namespace {

using Stand = KeptThread::Stand;

// Where the keeper keeps its descriptors: standard input, output and error do not exist there, so
// nothing, not even a sanitizer's report, can reach a terminal through it.
constexpr int kChannel = 0;
constexpr int kTasks = 1;

// A thread in uninterruptible sleep (state D: vfork, a slow disk) may stay there for minutes while
// all others stand and wait for it; after this share of the limit the target is taken without it.
constexpr std::int64_t kUninterruptibleShare = 8;
// From then on, how often to look whether all that still move are of that kind.
constexpr std::int64_t kLookNs = 10'000'000;

// The children a wait may find, threads included.
constexpr int kAnyKind = __WALL;

bool is_death(const siginfo_t& info) {
  return info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
}

// For the handler, which gets no argument of ours.
KeeperReport* report_for_handler = nullptr;
volatile sig_atomic_t reaped_count = 0;

// Reaps what has ended and leaves what has stopped; waitid() of P_ALL cannot, since it takes a
// tracee's stop whether asked for or not. Must also run inside a blocked PTRACE_SEIZE: that waits
// for a lock which a thread in exec holds until the other threads, traced by us and dead, are
// reaped. Without this the two wait for each other (ptrace(2), de_thread() in fs/exec.c).
void reap_dead(int) {
  const int saved = errno;
  for (std::uint32_t i = 0; i < report_for_handler->thread_count; ++i) {
    const KeptThread& thread = report_for_handler->threads[i];
    if (thread.stand != Stand::kMoving && thread.stand != Stand::kStands) continue;
    const auto tid = static_cast<id_t>(thread.tid);
    siginfo_t info;
    info.si_pid = 0;
    if (waitid(P_PID, tid, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT | kAnyKind) != 0) continue;
    if (info.si_pid == 0 || !is_death(info)) continue;
    waitid(P_PID, tid, &info, WEXITED | WNOHANG | kAnyKind);
    reaped_count = reaped_count + 1;
  }
  errno = saved;
}

// The handler stays while SIGCHLD is blocked: to go back to the default would discard a pending
// one, and with it the news of a death.
void handle_deaths(int flags) {
  struct sigaction on_death;
  std::memset(&on_death, 0, sizeof(on_death));
  on_death.sa_handler = reap_dead;
  on_death.sa_flags = flags;
  sigaction(SIGCHLD, &on_death, nullptr);
}

class Keeper {
 public:
  explicit Keeper(KeeperReport& report) : report_(report) { report_for_handler = &report; }

  [[noreturn]] void run(int channel, int tasks) {
    report_.start_ns = monotonic_ns();
    if (!set_up(channel, tasks) || !stop_all()) {
      report_.phase.store(KeeperPhase::kFailed);
    } else {
      report_.standing_ns = monotonic_ns();
      report_.phase.store(KeeperPhase::kStanding);
      tell();
      hold();
      report_.phase.store(KeeperPhase::kLettingGo);
    }
    let_go();
    report_.end_ns.store(monotonic_ns());
    tell();
    // Threads that never stopped cannot be detached; the kernel lets go of them here, and takes
    // back the interrupt that is still pending.
    syscall(SYS_exit_group, 0);
    __builtin_unreachable();
  }

 private:
  bool set_up(int channel, int tasks);
  bool arm_kill(std::int64_t at_ns);
  bool stop_all();
  bool seize_new();
  bool seize(KeptThread& thread);
  void settle_all();
  void settle(KeptThread& thread);
  bool still_stand();
  bool all_uninterruptible() const;
  bool all_listed() const;
  bool wait_until(std::int64_t deadline_ns);
  void hold();
  void let_go();
  void tell() { send(kChannel, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT); }

  // The kernel lists the leader first, and its tid stays the same over an exec.
  bool is_leader(const KeptThread& thread) const { return thread.tid == report_.threads[0].tid; }
  KeptThread* find_or_add(pid_t tid);
  bool fail(KeeperFailure failure, int error_number, pid_t tid = 0, const char* call = "") {
    report_.failure = failure;
    report_.failed_errno = error_number;
    report_.failed_tid = tid;
    report_.failed_call = call;
    return false;
  }

  KeeperReport& report_;
  int deaths_fd_ = -1;
  std::uint32_t round_ = 0;
  std::uint32_t listed_ = 0;
  bool found_new_ = false;
  std::uint32_t moving_ = 0;
};

bool Keeper::set_up(int channel, int tasks) {
  // Every signal was blocked before the fork and stays so; SIGCHLD is looked for where it matters.
  setsid();
  prctl(PR_SET_NAME, "freeze-keeper");
  const int high_channel = fcntl(channel, F_DUPFD, 3);
  const int high_tasks = fcntl(tasks, F_DUPFD, 3);
  if (high_channel < 0 || high_tasks < 0 || dup2(high_channel, kChannel) < 0 ||
      dup2(high_tasks, kTasks) < 0) {
    return fail(KeeperFailure::kSetUp, errno, 0, "dup2");
  }
  close_from(kTasks + 1);

  sigset_t deaths;
  sigemptyset(&deaths);
  sigaddset(&deaths, SIGCHLD);
  deaths_fd_ = signalfd(-1, &deaths, SFD_NONBLOCK);
  if (deaths_fd_ < 0) return fail(KeeperFailure::kSetUp, errno, 0, "signalfd");
  if (!arm_kill(report_.start_ns + report_.limit_ns + kKeeperOverrunNs)) {
    return fail(KeeperFailure::kSetUp, errno, 0, "timer_create");
  }
  return true;
}

// The kernel's own clock against us: SIGKILL ends also a keeper that is stopped or hangs.
bool Keeper::arm_kill(std::int64_t at_ns) {
  sigevent event;
  std::memset(&event, 0, sizeof(event));
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  int timer = 0;  // the kernel's timer_t; glibc's wrapper allocates in some versions
  if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) != 0) return false;
  itimerspec when{};
  when.it_value.tv_sec = at_ns / 1'000'000'000;
  when.it_value.tv_nsec = at_ns % 1'000'000'000;
  return syscall(SYS_timer_settime, timer, TIMER_ABSTIME, &when, nullptr) == 0;
}

bool Keeper::stop_all() {
  // Half the limit for stopping, so that at least as much is left for reading.
  const std::int64_t deadline = report_.start_ns + report_.limit_ns / 2;
  int quiet_rounds = 0;
  std::uint32_t moved_before = 0;
  std::int64_t last_change = report_.start_ns;
  for (;;) {
    if (!seize_new()) return false;
    settle_all();
    if (found_new_ || moving_ != moved_before) last_change = monotonic_ns();
    moved_before = moving_;
    const bool late = monotonic_ns() >= deadline;
    if (moving_ == 0 && !found_new_) {
      // A listing can miss threads while others end; the directory's link count is the witness.
      // Where a kernel does not keep it, three quiet rounds must do.
      const bool complete = all_listed() || ++quiet_rounds == 3;
      if (late || (complete && still_stand())) break;
      continue;
    }
    quiet_rounds = 0;
    if (late) {
      report_.still_appearing = found_new_;
      break;
    }
    // New threads may have made others, so list again at once; else wait for those that move.
    if (found_new_) continue;
    const std::int64_t patience = last_change + report_.limit_ns / kUninterruptibleShare;
    if (monotonic_ns() >= patience && all_uninterruptible()) break;
    const std::int64_t look = std::max(patience, monotonic_ns() + kLookNs);
    if (!wait_until(std::min(look, deadline))) return fail(KeeperFailure::kAsked, 0);
  }

  const bool complete = all_listed();
  bool any = false;
  bool any_stands = false;
  for (std::uint32_t i = 0; i < report_.thread_count; ++i) {
    KeptThread& thread = report_.threads[i];
    if (thread.stand == Stand::kStands && complete && thread.round != round_) {
      // The tid ended and was given to a thread of another process before it was seized.
      ptrace(PTRACE_DETACH, thread.tid, nullptr, static_cast<long>(thread.signal));
      thread.stand = Stand::kGone;
    }
    any |= thread.stand == Stand::kStands || thread.stand == Stand::kMoving;
    any_stands |= thread.stand == Stand::kStands;
  }
  if (!any) return fail(KeeperFailure::kGone, 0);
  return any_stands || fail(KeeperFailure::kNothing, 0);
}

// Lists the threads and interrupts those not seen before. None is waited for here, so that all
// come to a stop at the same time.
bool Keeper::seize_new() {
  ++round_;
  listed_ = 0;
  found_new_ = false;
  bool going = true;

  // Stops are many, and nobody waits for them here.
  handle_deaths(SA_NOCLDSTOP);
  sigset_t deaths;
  sigemptyset(&deaths);
  sigaddset(&deaths, SIGCHLD);
  sigprocmask(SIG_UNBLOCK, &deaths, nullptr);

  const bool listed = list_numbers(kTasks, [&](pid_t tid) {
    ++listed_;
    if (!going) return;
    KeptThread* thread = find_or_add(tid);
    if (thread == nullptr) {
      going = fail(KeeperFailure::kCrowded, 0, tid);
      return;
    }
    thread->round = round_;
    if (thread->stand == Stand::kGone) going = seize(*thread);
  });

  sigprocmask(SIG_BLOCK, &deaths, nullptr);
  handle_deaths(0);
  return going && (listed || errno == ENOENT || errno == ESRCH ||
                   fail(KeeperFailure::kSetUp, errno, 0, "getdents64"));
}

bool Keeper::seize(KeptThread& thread) {
  int refusal = 0;
  // An exec replaces the thread behind a tid: then the refusal was meant for the one that ended, or
  // this one is traced by us already. A refusal that is meant comes every time.
  for (int attempt = 0; attempt < 3; ++attempt) {
    // Before the fact, so that reap_dead() knows a thread that ends as soon as it is ours.
    thread.stand = Stand::kMoving;
    refusal = ptrace(PTRACE_SEIZE, thread.tid, nullptr, nullptr) == 0 ? 0 : errno;
    const bool ours = ptrace(PTRACE_INTERRUPT, thread.tid, nullptr, nullptr) == 0;
    if (ours || refusal == 0) {
      found_new_ = true;
      return true;
    }
    thread.stand = Stand::kGone;
    if (refusal == ESRCH) return true;
    const char state = read_state(kTasks, thread.tid);
    if (state == 'Z' && is_leader(thread)) thread.stand = Stand::kZombie;
    if (state == 'Z' || state == 'X' || state == 0) return true;
  }
  return fail(KeeperFailure::kRefused, refusal, thread.tid);
}

void Keeper::settle_all() {
  moving_ = 0;
  for (std::uint32_t i = 0; i < report_.thread_count; ++i) {
    KeptThread& thread = report_.threads[i];
    if (thread.stand != Stand::kMoving) continue;
    settle(thread);
    if (thread.stand == Stand::kMoving) ++moving_;
  }
}

// Looks whether a thread has stopped. The status is never taken (WNOWAIT): while it is there, a
// signal on its way to the thread survives also a keeper that is killed.
void Keeper::settle(KeptThread& thread) {
  siginfo_t info;
  info.si_pid = 0;
  if (waitid(P_PID, static_cast<id_t>(thread.tid), &info,
             WSTOPPED | WEXITED | WNOHANG | WNOWAIT | kAnyKind) != 0) {
    thread.stand = Stand::kGone;  // reaped, or moved to the leader's tid by an exec
    return;
  }
  if (info.si_pid == 0) {
    // A leader that ended is not reported before its last thread has.
    if (is_leader(thread) && read_state(kTasks, thread.tid) == 'Z') thread.stand = Stand::kZombie;
    return;
  }
  if (is_death(info)) {
    waitid(P_PID, static_cast<id_t>(thread.tid), &info, WEXITED | WNOHANG | kAnyKind);
    thread.stand = Stand::kGone;
    return;
  }
  const int signal = info.si_status & 0x7f;
  const bool about_to_take_signal = (info.si_status >> 8) == 0;
  thread.signal = about_to_take_signal ? signal : 0;
  thread.state = !about_to_take_signal && signal != SIGTRAP ? 'T' : 't';
  thread.has_registers = read_registers(thread.tid, thread.registers);
  thread.stand = Stand::kStands;
}

// Asks all once more, since an exec meanwhile ends threads that stood and gives a new one the
// leader's tid. A stop that was seen stays to be seen, so this costs two system calls a thread.
bool Keeper::still_stand() {
  std::uint32_t stood = 0;
  for (std::uint32_t i = 0; i < report_.thread_count; ++i) {
    KeptThread& thread = report_.threads[i];
    if (thread.stand != Stand::kStands) continue;
    thread.stand = Stand::kMoving;
    ++stood;
  }
  settle_all();
  for (std::uint32_t i = 0; i < report_.thread_count; ++i) {
    if (report_.threads[i].stand == Stand::kStands) --stood;
  }
  return stood == 0;
}

bool Keeper::all_uninterruptible() const {
  for (std::uint32_t i = 0; i < report_.thread_count; ++i) {
    const KeptThread& thread = report_.threads[i];
    if (thread.stand == Stand::kMoving && read_state(kTasks, thread.tid) != 'D') return false;
  }
  return true;
}

bool Keeper::all_listed() const {
  struct stat tasks;
  return fstat(kTasks, &tasks) == 0 && tasks.st_nlink == listed_ + 2;
}

// Sleeps until a traced thread did something or the deadline has passed; false when strata wants
// the target released.
bool Keeper::wait_until(std::int64_t deadline_ns) {
  const std::int64_t left = deadline_ns - monotonic_ns();
  const timespec timeout{left > 0 ? left / 1'000'000'000 : 0, left > 0 ? left % 1'000'000'000 : 0};
  pollfd wanted[] = {{kChannel, POLLIN, 0}, {deaths_fd_, POLLIN, 0}};
  ppoll(wanted, 2, &timeout, nullptr);
  if (wanted[1].revents != 0) {
    signalfd_siginfo ignored;
    while (read(deaths_fd_, &ignored, sizeof(ignored)) > 0) {
    }
  }
  reap_dead(0);  // also those that stood: an exec may wait for them
  return wanted[0].revents == 0;
}

void Keeper::hold() {
  const std::int64_t deadline = report_.start_ns + report_.limit_ns;
  // Only SIGKILL, an exit or an exec ends a thread that stands, and it ends them all. The leader
  // is asked by itself: an exec of another thread takes its place without a death to reap.
  const sig_atomic_t deaths_before = reaped_count;
  const KeptThread& leader = report_.threads[0];
  while (monotonic_ns() < deadline && wait_until(deadline)) {
    if (reaped_count != deaths_before) return;
    if (leader.stand != Stand::kStands) continue;
    KeptThread now = leader;
    now.stand = Stand::kMoving;
    settle(now);
    if (now.stand != Stand::kStands) return;
  }
}

void Keeper::let_go() {
  for (std::uint32_t i = 0; i < report_.thread_count; ++i) {
    KeptThread thread = report_.threads[i];  // a copy: strata may be reading the report
    if (thread.stand == Stand::kMoving) settle(thread);
    if (thread.stand != Stand::kStands) continue;
    ptrace(PTRACE_DETACH, thread.tid, nullptr, static_cast<long>(thread.signal));
  }
}

// The record of `tid`; a new one begins as kGone. Null when there is no room.
KeptThread* Keeper::find_or_add(pid_t tid) {
  std::uint32_t slot = static_cast<std::uint32_t>(tid) & report_.index_mask;
  while (report_.index[slot] != 0) {
    KeptThread& thread = report_.threads[report_.index[slot] - 1];
    if (thread.tid == tid) return &thread;
    slot = (slot + 1) & report_.index_mask;
  }
  if (report_.thread_count == report_.capacity) return nullptr;
  KeptThread& added = report_.threads[report_.thread_count++];
  added.tid = tid;
  added.stand = Stand::kGone;
  report_.index[slot] = report_.thread_count;
  return &added;
}

}  // namespace

std::int64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

void keep(KeeperReport& report, int channel, int tasks) { Keeper(report).run(channel, tasks); }

}  // namespace strata
