#include "inspect/target/freeze.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <csignal>
#include <new>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/printable.h"
#include "inspect/target/blocked_at.h"
#include "inspect/target/keeper.h"
#include "inspect/target/refusal.h"

namespace strata {
namespace {

using Stand = KeptThread::Stand;

constexpr std::int64_t kSecondNs = 1'000'000'000;
// A limit is a promise to the target; none longer than this was meant.
constexpr Freeze::Duration kLongestLimit = std::chrono::hours(24);
// How long a keeper may take to let go before it is killed. Detaching is about 2 µs a thread.
constexpr std::int64_t kReleaseNs = 2 * kSecondNs;
// How long to wait for a killed process to be gone: it was seen to need under 1 ms, more when the
// kernel detaches very many threads for it.
constexpr std::int64_t kDeathNs = 10 * kSecondNs;
// A keeper that was stopped by a signal is looked for this often while it is waited for.
constexpr std::int64_t kLookNs = kSecondNs / 50;

std::string read_name(const File& tasks, pid_t tid) {
  auto name = read_text(tasks.fd(), fmt::format("{}/comm", tid), 4_KiB);
  if (!name) return {};
  if (!name->empty() && name->back() == '\n') name->pop_back();
  return std::move(*name);
}

// All 64 signals of the kernel, also those that glibc keeps for itself.
class SignalsBlocked {
 public:
  SignalsBlocked() { syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all_, &before_, sizeof(all_)); }
  ~SignalsBlocked() { syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof(all_)); }
  SignalsBlocked(const SignalsBlocked&) = delete;

 private:
  std::uint64_t all_ = ~std::uint64_t{0};
  std::uint64_t before_ = 0;
};

}  // namespace

struct Freeze::State {
  pid_t pid = 0;
  Duration limit{};
  File tasks;
  File channel;
  File keeper_fd;  // a pidfd: readable once the keeper is gone
  pid_t keeper = 0;
  void* shared = MAP_FAILED;
  std::size_t shared_size = 0;
  KeeperReport* report = nullptr;
  std::vector<Thread> threads;
  std::vector<std::string> not_stopped;
  std::optional<Duration> stood;
  bool stood_at_most = false;

  ~State() {
    end_keeper();
    unshare_report();
  }

  Result<void> make_keeper();
  Result<void> share_report();
  void unshare_report();
  Result<void> fork_keeper();
  Result<void> wait_for_standing();
  void collect();
  void say(char word) const { send(channel.fd(), &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT); }
  bool keeper_gone(std::int64_t wait_ns) const;
  bool keeper_stopped() const;
  void end_keeper();
  Error explain_failure() const;
  bool worth_another_try() const;
};

Result<void> Freeze::State::make_keeper() {
  unshare_report();
  if (auto made = share_report(); !made) return made;
  return fork_keeper();
}

void Freeze::State::unshare_report() {
  if (shared != MAP_FAILED) munmap(shared, shared_size);
  shared = MAP_FAILED;
  report = nullptr;
}

// The report, then the threads, then what is in their vector registers, then the threads' index, in
// one shared mapping.
Result<void> Freeze::State::share_report() {
  struct stat directory;
  if (fstat(tasks.fd(), &directory) != 0) return fail_errno(errno, "fstat of the task directory");
  // Room for four times the threads there are now: those made while others are being stopped, and
  // those that ended. Pages that are not used cost nothing.
  const std::size_t capacity = directory.st_nlink * 4 + 4096;
  const std::size_t index_size = std::bit_ceil(capacity * 2);
  static_assert(sizeof(KeeperReport) % alignof(KeptThread) == 0);
  const std::size_t words = capacity * kMostVectorWords;
  shared_size = sizeof(KeeperReport) + capacity * sizeof(KeptThread) +
                words * sizeof(std::uint64_t) + index_size * sizeof(std::uint32_t);
  shared = mmap(nullptr, shared_size, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (shared == MAP_FAILED) return fail_errno(errno, "mmap of the keeper's report");

  report = new (shared) KeeperReport{};
  report->capacity = static_cast<std::uint32_t>(capacity);
  report->index_mask = static_cast<std::uint32_t>(index_size - 1);
  report->threads = reinterpret_cast<KeptThread*>(report + 1);
  static_assert(sizeof(KeptThread) % alignof(std::uint64_t) == 0);
  report->vector_words = reinterpret_cast<std::uint64_t*>(report->threads + capacity);
  report->index = reinterpret_cast<std::uint32_t*>(report->vector_words + words);
  return {};
}

Result<void> Freeze::State::fork_keeper() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno(errno, "socketpair for the keeper");
  }
  channel = File(ends[0]);
  const File theirs(ends[1]);

  // Not fork(): the exit signal is 0, so that no SIGCHLD reaches the program strata is part of and
  // no other wait() of its takes the keeper away; and handlers of pthread_atfork are not run.
  int pidfd = -1;
  const SignalsBlocked blocked;
  const long child = syscall(SYS_clone, CLONE_PIDFD, nullptr, &pidfd, nullptr, nullptr);
  if (child == 0) keep(*report, theirs.fd(), tasks.fd());
  if (child < 0) return fail_errno(errno, "fork of the keeper");
  keeper = static_cast<pid_t>(child);
  keeper_fd = File(pidfd);
  return {};
}

bool Freeze::State::keeper_gone(std::int64_t wait_ns) const {
  const timespec timeout{wait_ns / kSecondNs, wait_ns % kSecondNs};
  pollfd gone{keeper_fd.fd(), POLLIN, 0};
  return ppoll(&gone, 1, &timeout, nullptr) > 0;
}

bool Freeze::State::keeper_stopped() const {
  siginfo_t stop;
  stop.si_pid = 0;
  return waitid(P_PID, static_cast<id_t>(keeper), &stop, WSTOPPED | WNOHANG | WNOWAIT | __WALL) ==
             0 &&
         stop.si_pid != 0;
}

// Returns when the keeper is gone, and with it all that holds the target.
void Freeze::State::end_keeper() {
  if (keeper == 0) return;
  // A byte, since a child that strata just forked may hold our end open.
  say(kEndWord);
  const std::int64_t late = monotonic_ns() + kReleaseNs;
  while (!keeper_gone(kLookNs)) {
    if (!keeper_stopped() && monotonic_ns() < late) continue;
    kill(keeper, SIGKILL);
    break;
  }
  const std::int64_t too_late = monotonic_ns() + kDeathNs;
  while (waitpid(keeper, nullptr, WNOHANG | __WALL) == 0 && monotonic_ns() < too_late) {
    keeper_gone(kLookNs);
  }
  keeper = 0;
}

Result<void> Freeze::State::wait_for_standing() {
  report->limit_ns = std::chrono::nanoseconds(limit).count();
  say(kStopWord);
  // The keeper's kill timer is the bound; this one is for a keeper stopped before it set that.
  const std::int64_t late = monotonic_ns() + report->limit_ns + kKeeperOverrunNs + kSecondNs;
  const timespec look{0, kLookNs};
  for (;;) {
    pollfd said{channel.fd(), POLLIN, 0};
    if (ppoll(&said, 1, &look, nullptr) > 0) break;
    if (monotonic_ns() > late || keeper_stopped()) {
      kill(keeper, SIGKILL);
      break;
    }
  }
  if (report->phase.load() == KeeperPhase::kStanding) return {};
  end_keeper();
  return Failure(explain_failure());
}

// Both come of what happened since the keeper was made, and are as good as over with the next one.
bool Freeze::State::worth_another_try() const {
  return report->phase.load() == KeeperPhase::kFailed &&
         (report->failure == KeeperFailure::kReplaced ||
          report->failure == KeeperFailure::kCrowded);
}

Error Freeze::State::explain_failure() const {
  const auto what = [&] { return fmt::format("cannot stop process {}", pid); };
  if (report->phase.load() != KeeperPhase::kFailed) {
    // It also goes from standing to letting go when the limit passes before we were scheduled.
    return {
        Cause::kLimit,
        fmt::format("{}: the time allowed, {} ms, was over before all its threads stood or the "
                    "keeper was killed",
                    what(), std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()),
        {},
        "allow more with --freeze-limit"};
  }
  switch (report->failure) {
    case KeeperFailure::kRefused:
      return explain_refusal(tasks, pid, report->failed_tid, report->failed_errno);
    case KeeperFailure::kGone:
      return {Cause::kGone, what() + ": it has ended", {}, {}};
    case KeeperFailure::kNothing:
      return {Cause::kLimit,
              fmt::format("{}: none of its threads stopped in time; thread {} {}", what(),
                          report->threads[0].tid,
                          read_blocked_at(tasks, report->threads[0].tid).reason),
              {},
              "allow more with --freeze-limit, or leave out --freeze"};
    case KeeperFailure::kReplaced:
      return {Cause::kGone,
              fmt::format("{}: the number of its thread {} went to another process", what(),
                          report->failed_tid),
              {},
              "leave out --freeze"};
    case KeeperFailure::kCrowded:
      return {Cause::kLimit,
              fmt::format("{}: it made threads faster than they could be stopped ({} seen)", what(),
                          report->thread_count),
              {},
              "leave out --freeze"};
    case KeeperFailure::kSetUp:
      return fail_errno(report->failed_errno,
                        fmt::format("{}: {} in the keeper", what(), report->failed_call))
          .value();
    case KeeperFailure::kAsked:
    case KeeperFailure::kNone:
      break;
  }
  return {Cause::kSystem, what() + ": the keeper ended", {}, {}};
}

// Takes what the keeper found over into threads and not_stopped.
void Freeze::State::collect() {
  threads.reserve(report->thread_count);
  for (std::uint32_t i = 0; i < report->thread_count; ++i) {
    const KeptThread& kept = report->threads[i];
    if (kept.stand == Stand::kGone) continue;
    Thread thread;
    thread.tid = kept.tid;
    thread.name = read_name(tasks, kept.tid);
    if (kept.stand == Stand::kStands) {
      thread.state = kept.state;
      if (kept.has_registers) {
        thread.stack_pointer = Address{kept.registers.stack_pointer};
        thread.instruction_pointer = Address{kept.registers.instruction_pointer};
        thread.thread_pointer = Address{kept.registers.thread_pointer};
        thread.registers.assign(std::begin(kept.registers.general),
                                std::end(kept.registers.general));
        const auto words = report->vector_words_of(i).first(kept.vector_words);
        thread.vectors.assign(words.begin(), words.end());
      }
    } else if (kept.stand == Stand::kZombie) {
      thread.state = 'Z';
    } else {
      const BlockedAt at = read_blocked_at(tasks, kept.tid);
      thread.state = at.state;
      thread.stack_pointer = at.stack_pointer;
      thread.instruction_pointer = at.instruction_pointer;
      not_stopped.push_back(fmt::format("thread {} ({}) did not stop: it {}", kept.tid,
                                        printable(thread.name), at.reason));
    }
    threads.push_back(std::move(thread));
  }
  if (report->still_appearing) {
    not_stopped.push_back("threads were still being made when the time for stopping was over");
  }
  std::sort(threads.begin(), threads.end(),
            [](const Thread& a, const Thread& b) { return a.tid < b.tid; });
}

Result<Freeze> Freeze::prepare(const Target& target) {
  auto tasks = target.open_kernel_file("task");
  if (!tasks) return pass(tasks);
  return prepare(target.identity().pid, std::move(*tasks));
}

Result<Freeze> Freeze::prepare(pid_t pid) {
  auto tasks = open_file(AT_FDCWD, fmt::format("/proc/{}/task", pid), O_RDONLY | O_DIRECTORY);
  if (!tasks) {
    if (tasks.error().cause == Cause::kNotFound) {
      return fail(Cause::kGone, "cannot stop process {}: there is none, it may have ended", pid);
    }
    return pass(tasks, fmt::format("stopping process {}", pid));
  }
  return prepare(pid, std::move(*tasks));
}

Result<Freeze> Freeze::prepare(pid_t pid, File tasks) {
  if (faccessat(tasks.fd(), std::to_string(getpid()).c_str(), F_OK, 0) == 0) {
    return fail(Cause::kUsage, "strata cannot stop itself (process {})", pid);
  }
  Freeze freeze(std::make_unique<State>());
  State& state = *freeze.state_;
  state.pid = pid;
  state.tasks = std::move(tasks);
  if (auto made = state.make_keeper(); !made) return pass(made);
  return freeze;
}

Result<void> Freeze::stop(Duration limit) {
  if (limit <= Duration::zero()) {
    return fail(Cause::kUsage, "a target cannot be stopped for {} µs", limit.count());
  }
  State& state = *state_;
  state.limit = std::min(limit, kLongestLimit);
  auto stands = state.wait_for_standing();
  for (int more = 2; !stands && more > 0 && state.worth_another_try(); --more) {
    if (auto made = state.make_keeper(); !made) return made;
    stands = state.wait_for_standing();
  }
  if (stands) state.collect();
  return stands;
}

Freeze::Freeze(std::unique_ptr<State> state) : state_(std::move(state)) {}
Freeze::Freeze(Freeze&&) noexcept = default;

Freeze& Freeze::operator=(Freeze&&) noexcept = default;
Freeze::~Freeze() = default;

Freeze::Duration Freeze::release() {
  State& state = *state_;
  if (state.stood) return *state.stood;
  state.end_keeper();
  std::int64_t stood = 0;
  if (state.report != nullptr && state.report->start_ns != 0) {
    const std::int64_t end = state.report->end_ns.load();
    state.stood_at_most = end == 0;
    stood = (end != 0 ? end : monotonic_ns()) - state.report->start_ns;
  }
  state.stood = std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(stood));
  return *state.stood;
}

bool Freeze::stood_at_most() const { return state_->stood_at_most; }

bool Freeze::holds() const {
  const State& state = *state_;
  if (state.keeper == 0 || state.report->phase.load() != KeeperPhase::kStanding) return false;
  if (state.keeper_gone(0)) return false;
  if (monotonic_ns() >= state.report->start_ns + state.report->limit_ns) return false;
  if (!state.keeper_stopped()) return true;
  kill(state.keeper, SIGKILL);
  return false;
}

const std::vector<Thread>& Freeze::threads() const { return state_->threads; }
const std::vector<std::string>& Freeze::not_stopped() const { return state_->not_stopped; }

}  // namespace strata
