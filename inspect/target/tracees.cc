#include "inspect/target/tracees.h"

#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "inspect/target/bare_proc.h"

namespace strata {
namespace {

using Stand = KeptThread::Stand;

// The children a wait may find, threads included.
constexpr int kAnyKind = __WALL;

/// Looks at what `tid` did without taking it. False where it is no tracee of ours; info.si_pid is 0
/// where it did nothing.
bool look_at(pid_t tid, siginfo_t& info) {
  info.si_pid = 0;
  return waitid(P_PID, static_cast<id_t>(tid), &info,
                WSTOPPED | WEXITED | WNOHANG | WNOWAIT | kAnyKind) == 0;
}

bool is_death(const siginfo_t& info) {
  return info.si_pid != 0 &&
         (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED);
}

void take_death(pid_t tid) {
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(tid), &info, WEXITED | WNOHANG | kAnyKind);
}

// For the handler, which gets no argument of ours.
KeeperReport* report_for_handler = nullptr;
volatile sig_atomic_t reaped_count = 0;

// waitid() of P_ALL cannot do this, since it takes a tracee's stop whether asked for or not. Must
// also run inside a blocked PTRACE_SEIZE: that waits for a lock which a thread in exec holds until
// the other threads, traced by us and dead, are reaped. Without this the two wait for each other
// (ptrace(2), de_thread() in fs/exec.c).
void reap_dead(int) {
  const int saved = errno;
  for (std::uint32_t i = 0; i < report_for_handler->thread_count; ++i) {
    const KeptThread& thread = report_for_handler->threads[i];
    if (thread.stand != Stand::kMoving && thread.stand != Stand::kStands) continue;
    siginfo_t info;
    if (!look_at(thread.tid, info) || !is_death(info)) continue;
    take_death(thread.tid);
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

}  // namespace

Tracees::Tracees(KeeperReport& report, int tasks) : report_(report), tasks_(tasks) {
  report_for_handler = &report;
}

void Tracees::reap() { reap_dead(0); }
sig_atomic_t Tracees::reaped() const { return reaped_count; }

bool Tracees::seize_new() {
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

  const bool listed = list_numbers(tasks_, [&](pid_t tid) {
    ++listed_;
    if (!going) return;
    KeptThread* thread = find_or_add(tid);
    if (thread == nullptr) {
      going = report_.fail(KeeperFailure::kCrowded, 0, tid);
      return;
    }
    if (thread->stand == Stand::kGone) going = seize(*thread);
  });

  sigprocmask(SIG_BLOCK, &deaths, nullptr);
  handle_deaths(0);
  return going && (listed || errno == ENOENT || errno == ESRCH ||
                   report_.fail(KeeperFailure::kSetUp, errno, 0, "getdents64"));
}

bool Tracees::seize(KeptThread& thread) {
  int refusal = 0;
  // An exec replaces the thread behind a tid: then the refusal was meant for the one that ended, or
  // this one is traced by us already. A refusal that is meant comes every time.
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (!has_thread(tasks_, thread.tid)) return true;
    // Before the fact, so that reap_dead() knows a thread that ends as soon as it is ours.
    thread.stand = Stand::kMoving;
    refusal = ptrace(PTRACE_SEIZE, thread.tid, nullptr, nullptr) == 0 ? 0 : errno;
    if (refusal == 0 && is_anothers(thread.tid)) {
      return report_.fail(KeeperFailure::kReplaced, 0, thread.tid);
    }
    const bool ours = ptrace(PTRACE_INTERRUPT, thread.tid, nullptr, nullptr) == 0;
    if (ours || refusal == 0) {
      found_new_ = true;
      return true;
    }
    thread.stand = Stand::kGone;
    if (refusal == ESRCH) return true;
    const char state = read_state(tasks_, thread.tid);
    if (state == 'Z' && is_leader(thread)) thread.stand = Stand::kZombie;
    if (state == 'Z' || state == 'X' || state == 0) return true;
  }
  return report_.fail(KeeperFailure::kRefused, refusal, thread.tid);
}

// Of one that was just seized. The target's own may be missing from the directory too: when it
// ended and was reaped, or took over the leader's tid in an exec; then nobody of that number is
// traced by us.
bool Tracees::is_anothers(pid_t tid) const {
  siginfo_t info;
  return !has_thread(tasks_, tid) && look_at(tid, info) && !is_death(info);
}

void Tracees::settle_all() {
  moving_ = 0;
  for (std::uint32_t i = 0; i < report_.thread_count; ++i) {
    KeptThread& thread = report_.threads[i];
    if (thread.stand != Stand::kMoving) continue;
    settle(thread);
    if (thread.stand == Stand::kMoving) ++moving_;
    if (thread.stand == Stand::kStands && thread.has_registers) {
      thread.vector_words =
          static_cast<std::uint32_t>(read_vector_words(thread.tid, report_.vector_words_of(i)));
    }
  }
}

// Looks whether a thread has stopped. The status is never taken (WNOWAIT): while it is there, a
// signal on its way to the thread survives also a keeper that is killed.
void Tracees::settle(KeptThread& thread) {
  siginfo_t info;
  if (!look_at(thread.tid, info)) {
    thread.stand = Stand::kGone;  // reaped, or moved to the leader's tid by an exec
    return;
  }
  if (info.si_pid == 0) {
    // A leader that ended is not reported before its last thread has.
    if (is_leader(thread) && read_state(tasks_, thread.tid) == 'Z') thread.stand = Stand::kZombie;
    return;
  }
  if (is_death(info)) {
    take_death(thread.tid);
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

bool Tracees::still_stand() {
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

bool Tracees::leader_stands() {
  KeptThread leader = report_.threads[0];  // a copy: strata may be reading the report
  leader.stand = Stand::kMoving;
  settle(leader);
  return leader.stand == Stand::kStands;
}

bool Tracees::all_uninterruptible() const {
  for (std::uint32_t i = 0; i < report_.thread_count; ++i) {
    const KeptThread& thread = report_.threads[i];
    if (thread.stand == Stand::kMoving && read_state(tasks_, thread.tid) != 'D') return false;
  }
  return true;
}

bool Tracees::all_listed() const {
  struct stat tasks;
  return fstat(tasks_, &tasks) == 0 && tasks.st_nlink == listed_ + 2;
}

void Tracees::let_go() {
  for (std::uint32_t i = 0; i < report_.thread_count; ++i) {
    KeptThread thread = report_.threads[i];  // a copy: strata may be reading the report
    if (thread.stand == Stand::kMoving) settle(thread);
    if (thread.stand != Stand::kStands) continue;
    ptrace(PTRACE_DETACH, thread.tid, nullptr, static_cast<long>(thread.signal));
  }
}

// The record of `tid`; a new one begins as kGone. Null when there is no room.
KeptThread* Tracees::find_or_add(pid_t tid) {
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

}  // namespace strata
