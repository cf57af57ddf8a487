#include "inspect/target/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "inspect/target/bare_proc.h"
#include "inspect/target/tracees.h"

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

class Keeper {
 public:
  explicit Keeper(KeeperReport& report) : report_(report), tracees_(report, kTasks) {}

  [[noreturn]] void run(int channel, int tasks) {
    if (!set_up(channel, tasks) || !wait_for_word() || !stop_all()) {
      report_.phase.store(KeeperPhase::kFailed);
    } else {
      report_.standing_ns = monotonic_ns();
      report_.phase.store(KeeperPhase::kStanding);
      tell();
      hold();
      report_.phase.store(KeeperPhase::kLettingGo);
    }
    tracees_.let_go();
    report_.end_ns.store(monotonic_ns());
    tell();
    // Threads that never stopped cannot be detached; the kernel lets go of them here, and takes
    // back the interrupt that is still pending.
    syscall(SYS_exit_group, 0);
    __builtin_unreachable();
  }

 private:
  bool set_up(int channel, int tasks);
  bool wait_for_word();
  bool arm_kill(std::int64_t at_ns);
  bool stop_all();
  bool any_stands();
  bool wait_until(std::int64_t deadline_ns);
  void hold();
  void tell() { send(kChannel, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT); }

  KeeperReport& report_;
  Tracees tracees_;
  int deaths_fd_ = -1;
};

bool Keeper::set_up(int channel, int tasks) {
  // Every signal was blocked before the fork and stays so; SIGCHLD is looked for where it matters.
  setsid();
  prctl(PR_SET_NAME, "freeze-keeper");
  const int high_channel = fcntl(channel, F_DUPFD, 3);
  const int high_tasks = fcntl(tasks, F_DUPFD, 3);
  if (high_channel < 0 || high_tasks < 0 || dup2(high_channel, kChannel) < 0 ||
      dup2(high_tasks, kTasks) < 0) {
    return report_.fail(KeeperFailure::kSetUp, errno, 0, "dup2");
  }
  close_from(kTasks + 1);

  sigset_t deaths;
  sigemptyset(&deaths);
  sigaddset(&deaths, SIGCHLD);
  deaths_fd_ = signalfd(-1, &deaths, SFD_NONBLOCK);
  if (deaths_fd_ < 0) return report_.fail(KeeperFailure::kSetUp, errno, 0, "signalfd");
  return true;
}

// Until strata says that the target is to be stopped, or is gone.
bool Keeper::wait_for_word() {
  char word = kEndWord;
  if (read(kChannel, &word, 1) != 1 || word != kStopWord) {
    return report_.fail(KeeperFailure::kAsked, 0);
  }
  report_.start_ns = monotonic_ns();
  return arm_kill(report_.start_ns + report_.limit_ns + kKeeperOverrunNs) ||
         report_.fail(KeeperFailure::kSetUp, errno, 0, "timer_create");
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
    // What a listing finds when all that were known stood was made by one that was not known.
    const bool all_stood = tracees_.listed_once() && tracees_.moving() == 0;
    if (!tracees_.seize_new()) return false;
    tracees_.settle_all();
    const std::uint32_t moving = tracees_.moving();
    if (tracees_.found_new() || moving != moved_before) last_change = monotonic_ns();
    moved_before = moving;
    const bool late = monotonic_ns() >= deadline;
    if (moving == 0 && !tracees_.found_new()) {
      // A listing can miss threads while others end; the directory's link count is the witness.
      // Where a kernel does not keep it, three quiet rounds must do.
      const bool complete = tracees_.all_listed() || ++quiet_rounds == 3;
      if (late || (complete && tracees_.still_stand())) break;
      continue;
    }
    quiet_rounds = 0;
    // Also when it is late, one more listing tells whether those that stand now are all.
    if (late && (all_stood || moving > 0)) {
      report_.still_appearing = all_stood && tracees_.found_new();
      break;
    }
    // New threads may have made others, so list again at once; else wait for those that move.
    if (tracees_.found_new()) continue;
    const std::int64_t patience = last_change + report_.limit_ns / kUninterruptibleShare;
    if (monotonic_ns() >= patience && tracees_.all_uninterruptible()) break;
    const std::int64_t look = std::max(patience, monotonic_ns() + kLookNs);
    if (!wait_until(std::min(look, deadline))) return report_.fail(KeeperFailure::kAsked, 0);
  }
  return any_stands();
}

bool Keeper::any_stands() {
  bool any_moves = false;
  for (std::uint32_t i = 0; i < report_.thread_count; ++i) {
    if (report_.threads[i].stand == Stand::kStands) return true;
    any_moves |= report_.threads[i].stand == Stand::kMoving;
  }
  return report_.fail(any_moves ? KeeperFailure::kNothing : KeeperFailure::kGone, 0);
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
  tracees_.reap();  // also those that stood: an exec may wait for them
  return wanted[0].revents == 0;
}

void Keeper::hold() {
  const std::int64_t deadline = report_.start_ns + report_.limit_ns;
  // Only SIGKILL, an exit or an exec ends a thread that stands, and it ends them all. The leader
  // is asked by itself: an exec of another thread takes its place without a death to reap.
  const sig_atomic_t deaths_before = tracees_.reaped();
  const bool has_leader = report_.threads[0].stand == Stand::kStands;
  while (monotonic_ns() < deadline && wait_until(deadline)) {
    if (tracees_.reaped() != deaths_before) return;
    if (has_leader && !tracees_.leader_stands()) return;
  }
}

}  // namespace

std::int64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

void keep(KeeperReport& report, int channel, int tasks) { Keeper(report).run(channel, tasks); }

}  // namespace strata
