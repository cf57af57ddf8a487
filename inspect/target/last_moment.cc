#include "inspect/target/last_moment.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <future>
#include <utility>

#include "base/file.h"
#include "base/printable.h"
#include "inspect/target/end_watch.h"
#include "inspect/target/gated_program.h"
#include "inspect/target/process_text.h"
#include "inspect/target/refusal.h"

namespace strata {
namespace {

// What a terminal sends on Ctrl-C and Ctrl-\ is meant for the program; it may go on for long.
class InterruptsIgnored {
 public:
  InterruptsIgnored() {
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGINT, &ignore, &interrupt_);
    sigaction(SIGQUIT, &ignore, &quit_);
  }
  ~InterruptsIgnored() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGQUIT, &quit_, nullptr);
  }
  InterruptsIgnored(const InterruptsIgnored&) = delete;

 private:
  struct sigaction interrupt_;
  struct sigaction quit_;
};

// `pid` is a child of ours that was not reaped, so the number is still its own.
Error explain_seize_error(const std::string& program, pid_t pid, int error_number) {
  const std::string what = "cannot trace " + printable(program);
  const auto status = read_text(AT_FDCWD, fmt::format("/proc/{}/status", pid), 64_KiB);
  const auto tracer = status ? first_number(*status, "\nTracerPid:") : std::nullopt;
  if (tracer.value_or(0) != 0) {
    return {Cause::kPermission,
            fmt::format("{}: process {} traces it already, as it traces strata and whatever strata "
                        "starts",
                        what, *tracer),
            {},
            "run strata without that tracer (strace, a debugger)"};
  }
  Error refused = fail_errno(error_number, what + ": ptrace").value();
  explain_by_settings(refused, Wish::kStart);
  return refused;
}

}  // namespace

struct LastMoment::State {
  std::vector<std::string> command;
  sigset_t signals;  // blocked in whoever called wait_for(), and so in the program
  pthread_t tracer;
  bool has_tracer = false;

  // Written by the tracer before it sets the promise that says so.
  pid_t pid = 0;
  std::vector<Thread> threads;
  std::optional<int> signal;
  std::promise<Result<EndWatch::Seen>> reached;
  std::promise<void> released;
  std::promise<Result<int>> ended;

  bool stands = false;
  std::optional<Result<int>> status;

  ~State() { finish(); }
  Result<void> start();
  Result<int> finish();
  void trace();
  Result<EndWatch::Seen> run(std::optional<EndWatch>& watch);
};

Result<void> LastMoment::State::start() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &signals);
  const auto body = [](void* state) -> void* {
    static_cast<State*>(state)->trace();
    return nullptr;
  };
  const int refusal = pthread_create(&tracer, nullptr, body, this);
  pthread_sigmask(SIG_SETMASK, &signals, nullptr);
  if (refusal != 0) return fail_errno(refusal, "make a thread to trace " + printable(command[0]));
  has_tracer = true;

  auto seen = reached.get_future().get();
  if (!seen) return pass(seen);
  stands = *seen == EndWatch::Seen::kLastMoment;
  return {};
}

Result<int> LastMoment::State::finish() {
  if (has_tracer) {
    released.set_value();
    status = ended.get_future().get();
    pthread_join(tracer, nullptr);
    has_tracer = false;
    stands = false;
  }
  return status ? *status : 0;
}

// Starts, traces and reaps the program: ptrace and wait know it as this thread's alone.
void LastMoment::State::trace() {
  std::optional<EndWatch> watch;
  auto seen = run(watch);
  if (seen) {
    threads = watch->threads();
    signal = watch->signal();
  }
  reached.set_value(seen);
  released.get_future().wait();
  while (seen && *seen == EndWatch::Seen::kLastMoment) {
    watch->let_go();
    seen = watch->wait();
  }
  if (!seen) return ended.set_value(pass(seen));
  ended.set_value(watch->status());
}

Result<EndWatch::Seen> LastMoment::State::run(std::optional<EndWatch>& watch) {
  auto program = GatedProgram::fork(command, signals);
  if (!program) return pass(program);
  pid = program->pid();
  const InterruptsIgnored deaf;  // from here on: the program inherits what strata had
  const auto give_up = [&](Error error) {
    program->close_gate();
    waitpid(pid, nullptr, __WALL);
    return Failure(std::move(error));
  };
  auto tasks = open_file(AT_FDCWD, fmt::format("/proc/{}/task", pid), O_RDONLY | O_DIRECTORY);
  if (!tasks) return give_up(std::move(tasks.error()).during("starting " + printable(command[0])));
  watch.emplace(pid, std::move(*tasks));
  if (const int refusal = watch->seize(); refusal != 0) {
    return give_up(explain_seize_error(command[0], pid, refusal));
  }
  program->open_gate();

  auto seen = watch->wait();
  if (!seen || watch->has_begun()) return seen;
  // The child alone came to an end.
  while (seen && *seen == EndWatch::Seen::kLastMoment) {
    watch->let_go();
    seen = watch->wait();
  }
  if (!seen) return seen;
  if (const auto error_number = program->exec_error()) {
    return Failure(explain_exec_error(command[0], *error_number));
  }
  return fail(Cause::kGone, "cannot run {}: it was killed before it began", printable(command[0]));
}

Result<LastMoment> LastMoment::wait_for(const std::vector<std::string>& command) {
  if (command.empty() || command[0].empty()) {
    return Failure(Error{Cause::kUsage,
                         "there is no program to run",
                         {},
                         "name it behind --: strata leaks --at-exit -- ./program"});
  }
  LastMoment moment(std::make_unique<State>());
  moment.state_->command = command;
  if (auto reached = moment.state_->start(); !reached) return pass(reached);
  return moment;
}

LastMoment::LastMoment(std::unique_ptr<State> state) : state_(std::move(state)) {}
LastMoment::LastMoment(LastMoment&&) noexcept = default;
LastMoment& LastMoment::operator=(LastMoment&&) noexcept = default;
LastMoment::~LastMoment() = default;

pid_t LastMoment::pid() const { return state_->pid; }
bool LastMoment::stands() const { return state_->stands; }
const std::vector<Thread>& LastMoment::threads() const { return state_->threads; }
std::optional<int> LastMoment::signal() const { return state_->signal; }
Result<int> LastMoment::finish() { return state_->finish(); }

}  // namespace strata
