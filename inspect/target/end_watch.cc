#include "inspect/target/end_watch.h"

#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "inspect/target/bare_proc.h"
#include "inspect/target/process_directory.h"
#include "inspect/target/process_text.h"
#include "inspect/target/registers.h"

namespace strata {
namespace {

// TRACECLONE so that threads are traced: one may outlive the leader, or exec, and what each had in
// its registers is wanted. Not EXITKILL: the program is worth more than what we learn of it.
constexpr unsigned long kOptions = PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

// The children a wait may find, threads included, but not those of strata's other threads.
constexpr int kOurs = __WALL | __WNOTHREAD;

void resume(pid_t tid, int signal) {
  // ESRCH where it was killed while it stood: then it comes again, to its end.
  ptrace(PTRACE_CONT, tid, nullptr, static_cast<long>(signal));
}

/// Takes the stop or the death of `tid` that was looked at, so that it is not seen again.
void take(pid_t tid, int kind) {
  siginfo_t taken;
  waitid(P_PID, static_cast<id_t>(tid), &taken, kind | WNOHANG | kOurs);
}

int wait_status_of(const siginfo_t& death) {
  if (death.si_code == CLD_EXITED) return W_EXITCODE(death.si_status, 0);
  return W_EXITCODE(0, death.si_status) | (death.si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

}  // namespace

int EndWatch::seize() { return ptrace(PTRACE_SEIZE, pid_, nullptr, kOptions) == 0 ? 0 : errno; }

Result<EndWatch::Seen> EndWatch::wait() {
  for (;;) {
    if (stands_alone()) return Seen::kLastMoment;
    // Looked at and not taken: until it is resumed, a signal on its way to the program survives
    // also a strata that is killed here. While one stands, it may be what the others wait for.
    siginfo_t info;
    info.si_pid = 0;
    const int patience = standing_ ? WNOHANG : 0;
    if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOWAIT | kOurs | patience) != 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, fmt::format("waiting for process {}", pid_));
    }
    const pid_t tid = info.si_pid;
    if (tid == 0) {
      handle_quiet();
      continue;
    }
    quiet_us_ = 0;
    if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) {
      take(tid, WEXITED);
      ending_.erase(tid);
      if (tid != pid_) continue;
      status_ = wait_status_of(info);
      code_ = static_cast<unsigned>(status_);
      standing_.reset();
      return Seen::kEnd;
    }
    const int event = info.si_status >> 8;
    const int signal = info.si_status & 0x7f;
    if (has_thread(tasks_.fd(), tid)) {
      handle_stop(tid, event, signal);
    } else {
      // A process, made by a clone() that looks like a thread's: traced, though nobody asked.
      ptrace(PTRACE_DETACH, tid, nullptr, static_cast<long>(event == 0 ? signal : 0));
    }
  }
}

void EndWatch::handle_stop(pid_t tid, int event, int signal) {
  // One that stays in its stop would be seen for ever; and after an exec that changed a thread's
  // tid the kernel refuses all requests until the stop is taken (looks_like_a_spurious_pid()).
  if (event != 0) take(tid, WSTOPPED);
  switch (event) {
    case 0:
      return resume(tid, signal);
    case PTRACE_EVENT_EXIT:
      return handle_exit(tid);
    case PTRACE_EVENT_STOP:
      if (signal == SIGTRAP) break;
      // Stopped by job control: it stays so, and SIGCONT is heard.
      ptrace(PTRACE_LISTEN, tid, nullptr, nullptr);
      return;
    case PTRACE_EVENT_EXEC:
      // What the exec swept away is gone with the old image.
      has_begun_ = true;
      ending_.clear();
      swept_.clear();
      break;
    default:
      break;
  }
  resume(tid, 0);
}

void EndWatch::handle_exit(pid_t tid) {
  unsigned long code = 0;
  if (ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &code) != 0) return;
  ending_.insert(tid);
  const bool all = ending_.size() == count_threads();
  const bool by_itself = !all && called_exit(tid);
  if (!standing_ && (all || (tid == pid_ && !by_itself))) {
    standing_ = look_at(tid);
    code_ = code;
    return;
  }
  if (!by_itself) sweep(look_at(tid));
  resume(tid, 0);
}

void EndWatch::sweep(Thread thread) {
  // Of a 32-bit program there are no registers, and whether it ended by itself is not known.
  if (thread.stack_pointer) swept_.push_back(std::move(thread));
}

// One stands, and nothing comes of the others.
void EndWatch::handle_quiet() {
  usleep(quiet_us_);
  // From at once to 20 ms: most are gone in less than one, and one that hangs may take minutes.
  quiet_us_ = std::min(quiet_us_ * 2 + 50, 20'000u);
  if (standing_->tid != pid_ || !others_sleep()) return;
  sweep(*std::exchange(standing_, std::nullopt));
  resume(pid_, 0);
}

/// Whether all threads but those that are ending sleep uninterruptibly.
bool EndWatch::others_sleep() const {
  const auto tids = read_numbers(tasks_.fd(), ".");
  if (!tids) return false;
  bool any = false;
  for (const pid_t tid : *tids) {
    if (ending_.contains(tid)) continue;
    const char state = read_state(tasks_.fd(), tid);
    if (state != 'D' && state != 0) return false;
    any |= state == 'D';
  }
  return any;
}

/// Whether one stands and no other can be mistaken for it, being about to end.
bool EndWatch::stands_alone() const {
  if (!standing_) return false;
  if (standing_->tid == pid_) return count_threads() == 1;
  return count_threads() == 2 && read_state(tasks_.fd(), pid_) == 'Z';
}

/// The threads that were not reaped yet. Counts newborn ones, which have made no stop so far.
std::size_t EndWatch::count_threads() const {
  struct stat tasks;
  return fstat(tasks_.fd(), &tasks) == 0 ? tasks.st_nlink - 2 : 0;
}

Thread EndWatch::look_at(pid_t tid) const {
  Thread thread;
  thread.tid = thread.inner_tid = tid;  // a child of ours is in our own PID namespace
  if (auto name = read_text(tasks_.fd(), fmt::format("{}/comm", tid))) {
    if (!name->empty() && name->back() == '\n') name->pop_back();
    thread.name = std::move(*name);
  }
  if (Registers registers; read_registers(tid, registers)) {
    thread.stack_pointer = Address{registers.stack_pointer};
    thread.instruction_pointer = Address{registers.instruction_pointer};
    thread.thread_pointer = Address{registers.thread_pointer};
    thread.registers.assign(std::begin(registers.general), std::end(registers.general));
    std::uint64_t words[kMostVectorWords];
    thread.vectors.assign(words, words + read_vector_words(tid, words));
  }
  return thread;
}

/// Whether a thread that is not the last ends by itself, as pthread_exit() does. One that was swept
/// away has the number of the call in which it was, or none.
bool EndWatch::called_exit(pid_t tid) const {
  const auto text = read_text(tasks_.fd(), fmt::format("{}/syscall", tid), 4_KiB);
  const auto call = text ? parse_blocked_call(*text) : std::nullopt;
  return call && call->number == SYS_exit;
}

void EndWatch::let_go() {
  if (standing_) resume(std::exchange(standing_, std::nullopt)->tid, 0);
}

std::vector<Thread> EndWatch::threads() const {
  std::vector<Thread> threads = swept_;
  for (Thread& thread : threads) thread.state = 'X';
  if (standing_) threads.emplace_back(*standing_).state = 't';
  std::sort(threads.begin(), threads.end(),
            [](const Thread& a, const Thread& b) { return a.tid < b.tid; });
  return threads;
}

std::optional<int> EndWatch::signal() const {
  const int signal = static_cast<int>(code_) & 0x7f;
  return signal != 0 ? std::optional(signal) : std::nullopt;
}

}  // namespace strata
