// What the program gets of signals and job control, and that it goes on when strata comes to harm.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <future>

#include "inspect/target/last_moment.h"
#include "inspect/target/process.h"
#include "inspect/target/test_program.h"

namespace strata {
namespace {

using namespace test;

const TestProgram kBeats("beats", [](Board& board) {
  board.tid = getpid();
  beat(board);
});

const TestProgram kBeatsDeaf("beats_deaf", [](Board& board) {
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP}) {
    std::signal(signal, SIG_IGN);
  }
  board.tid = getpid();
  while (board.done == 0) {
    board.beats++;
    usleep(100);
  }
  _exit(12);
});

/// A program on its way, waited for by another thread.
class Running {
 public:
  Running(const TestProgram& program, const InheritedBoard& board)
      : moment_(std::async(std::launch::async, LastMoment::wait_for, program.command(board))) {
    EXPECT_TRUE(eventually([&] { return board->tid != 0; }));
    pid_ = board->tid;
  }
  ~Running() {
    if (moment_.valid()) kill(pid_, SIGKILL);
  }
  pid_t pid() const { return pid_; }
  Result<LastMoment> moment() { return moment_.get(); }

 private:
  std::future<Result<LastMoment>> moment_;
  pid_t pid_ = 1 << 30;
};

void expect_death_of(int signal) {
  const InheritedBoard board;
  Running program(kBeats, board);
  ASSERT_TRUE(beats_on(*board));
  kill(program.pid(), signal);
  auto moment = program.moment();
  ASSERT_TRUE(moment) << to_text(moment.error());
  EXPECT_EQ(moment->signal(), signal);
  ASSERT_TRUE(moment->stands());
  auto process = Process::open(moment->pid());
  ASSERT_TRUE(process) << to_text(process.error());
  EXPECT_TRUE((*process)->read_mappings());
  EXPECT_EQ(moment->finish().value_or(-1) & ~WCOREFLAG, W_EXITCODE(0, signal));
}

TEST(LastMomentSignals, killed_by_one_it_stands_and_the_signal_is_named) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGKILL, SIGRTMIN + 5}) {
    expect_death_of(signal);
  }
}

const TestProgram kCrashes("crashes", [](Board&) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT}) std::signal(signal, SIG_DFL);
  void* const nothing = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *static_cast<volatile int*>(nothing) = 1;
});
TEST(LastMomentSignals, one_of_its_own_making) {
  const InheritedBoard board;
  auto moment = LastMoment::wait_for(kCrashes.command(board));
  ASSERT_TRUE(moment) << to_text(moment.error());
  EXPECT_EQ(moment->signal(), SIGSEGV);
  EXPECT_TRUE(moment->stands());
  EXPECT_EQ(moment->finish().value_or(-1) & ~WCOREFLAG, W_EXITCODE(0, SIGSEGV));
}

TEST(LastMomentSignals, ignored_ones_stay_ignored) {
  const InheritedBoard board;
  Running program(kBeatsDeaf, board);
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP}) {
    kill(program.pid(), signal);
    ASSERT_TRUE(beats_on(*board)) << signal;
  }
  board->done = 1;
  auto moment = program.moment();
  ASSERT_TRUE(moment) << to_text(moment.error());
  EXPECT_FALSE(moment->signal());
  EXPECT_EQ(moment->finish().value_or(-1), W_EXITCODE(12, 0));
}

Board* handler_board = nullptr;

const TestProgram kCounts("counts", [](Board& board) {
  handler_board = &board;
  struct sigaction action = {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = [](int, siginfo_t* info, void*) {
    const std::uint64_t expected = handler_board->received.fetch_add(1) + 1;
    if (static_cast<std::uint64_t>(info->si_value.sival_int) != expected ||
        info->si_code != SI_QUEUE || info->si_pid != getppid()) {
      handler_board->wrong++;
    }
  };
  sigaction(SIGRTMIN + 3, &action, nullptr);
  board.tid = getpid();
  while (board.done == 0) pause();
  _exit(0);
});

TEST(LastMomentSignals, handled_ones_arrive_in_order_with_sender_and_value) {
  NEEDS_NO_FOREIGN_THREAD();  // nor one that keeps a single pending signal for its handlers
  const InheritedBoard board;
  Running program(kCounts, board);
  for (int i = 1; i <= 500; ++i) {
    if (i == 500) board->done = 1;
    sigval value = {};
    value.sival_int = i;
    ASSERT_TRUE(eventually([&] { return sigqueue(program.pid(), SIGRTMIN + 3, value) == 0; }));
  }
  auto moment = program.moment();
  ASSERT_TRUE(moment) << to_text(moment.error());
  EXPECT_EQ(board->wrong, 0u);
  EXPECT_GE(board->received, 1u);
  EXPECT_EQ(moment->finish().value_or(-1), 0);
}

/// It stands, by the state of its threads and by what it does.
bool has_stopped(const Board& board, pid_t pid) {
  return eventually([&] {
    const std::uint64_t before = board.beats;
    usleep(5000);
    return board.beats == before && states(pid).find_first_not_of("tT") == std::string::npos;
  });
}

// In a group that no parent in the session looks after, as when the shell that ran the tests has
// gone, SIGTSTP and the like stop nobody: one of its own has us.
const TestProgram kBeatsApart("beats_apart", [](Board& board) {
  setpgid(0, 0);
  board.tid = getpid();
  beat(board);
});

TEST(LastMomentSignals, stopped_and_continued_as_often_as_one_likes) {
  const InheritedBoard board;
  Running program(kBeatsApart, board);
  for (const int signal : {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGSTOP}) {
    ASSERT_TRUE(beats_on(*board));
    kill(program.pid(), signal);
    EXPECT_TRUE(has_stopped(*board, program.pid())) << signal;
    kill(program.pid(), SIGCONT);
    EXPECT_TRUE(beats_on(*board)) << signal;
  }
  kill(program.pid(), SIGSTOP);
  EXPECT_TRUE(has_stopped(*board, program.pid()));
  kill(program.pid(), SIGKILL);
  auto moment = program.moment();
  ASSERT_TRUE(moment) << to_text(moment.error());
  EXPECT_EQ(moment->signal(), SIGKILL);
  EXPECT_TRUE(moment->finish());
}

TEST(LastMomentSignals, none_ends_it_while_it_stands) {
  auto moment = LastMoment::wait_for({"sh", "-c", "exit 3"});
  ASSERT_TRUE(moment) << to_text(moment.error());
  auto process = Process::open(moment->pid());
  ASSERT_TRUE(process) << to_text(process.error());
  for (const int signal : {SIGINT, SIGTERM, SIGSTOP, SIGCONT}) kill(moment->pid(), signal);
  EXPECT_TRUE((*process)->read_mappings());
  EXPECT_EQ(states(moment->pid()), "t");
  EXPECT_EQ(moment->finish().value_or(-1), W_EXITCODE(3, 0));
}

// A stand-in for strata that is killed; what it started is then the test's own child.
class LastMomentOrphan : public testing::Test {
 protected:
  void SetUp() override { prctl(PR_SET_CHILD_SUBREAPER, 1); }
  void TearDown() override { prctl(PR_SET_CHILD_SUBREAPER, 0); }

  void kill_strata_of(const TestProgram& program, const std::function<void(pid_t)>& before) {
    const auto command = program.command(board_);
    Child strata([&] {
      auto moment = LastMoment::wait_for(command);
      board_->ready = moment && moment->stands() ? 1 : 2;
      for (;;) pause();
    });
    ASSERT_TRUE(eventually([&] { return board_->tid != 0; }));
    before(board_->tid);
    kill(strata.pid(), SIGKILL);
    strata.end();
  }
  int end() {
    int status = -1;
    eventually([&] { return waitpid(board_->tid, &status, WNOHANG | __WALL) == board_->tid; });
    return status;
  }

  InheritedBoard board_;
};

TEST_F(LastMomentOrphan, runs_on_when_strata_is_killed) {
  kill_strata_of(kBeats, [&](pid_t) { ASSERT_TRUE(beats_on(*board_)); });
  EXPECT_TRUE(eventually([&] { return runs_free(board_->tid); }));
  EXPECT_TRUE(beats_on(*board_));
  kill(board_->tid, SIGTERM);
  EXPECT_EQ(end(), W_EXITCODE(0, SIGTERM));
}

TEST_F(LastMomentOrphan, stopped_before_can_be_continued_when_strata_is_killed) {
  kill_strata_of(kBeats, [&](pid_t pid) {
    ASSERT_TRUE(beats_on(*board_));
    kill(pid, SIGSTOP);
    ASSERT_TRUE(has_stopped(*board_, pid));
  });
  EXPECT_TRUE(eventually([&] { return tracer_of(board_->tid, board_->tid) == 0; }));
  EXPECT_TRUE(has_stopped(*board_, board_->tid));
  kill(board_->tid, SIGCONT);
  EXPECT_TRUE(beats_on(*board_));
  kill(board_->tid, SIGKILL);
  EXPECT_EQ(end(), W_EXITCODE(0, SIGKILL));
}

TEST_F(LastMomentOrphan, ends_as_it_would_have_when_strata_is_killed_while_it_stands) {
  kill_strata_of(kBeatsDeaf, [&](pid_t pid) {
    board_->done = 1;
    ASSERT_TRUE(eventually([&] { return board_->ready == 1; }));
    EXPECT_EQ(state_of(pid, pid), "t");
  });
  EXPECT_EQ(end(), W_EXITCODE(12, 0));
}

TEST_F(LastMomentOrphan, a_stopped_strata_lets_it_run_until_something_happens_to_it) {
  kill_strata_of(kBeats, [&](pid_t pid) {
    const pid_t strata = tracer_of(pid, pid);
    ASSERT_GT(strata, 0);
    kill(strata, SIGSTOP);
    EXPECT_TRUE(beats_on(*board_));
    kill(pid, SIGWINCH);  // which it ignores
    kill(strata, SIGCONT);
    EXPECT_TRUE(beats_on(*board_));
  });
  kill(board_->tid, SIGKILL);
  EXPECT_EQ(end(), W_EXITCODE(0, SIGKILL));
}

// Strata and the program in the foreground of a terminal; the test is its shell.
class LastMomentTerminal : public testing::Test {
 protected:
  void SetUp() override {
    terminal_ = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    // In a bare root the device is missing, or the file system behind it.
    if (terminal_ < 0) GTEST_SKIP() << "no terminal can be had here: " << strerror(errno);
    ASSERT_EQ(grantpt(terminal_), 0);
    ASSERT_EQ(unlockpt(terminal_), 0);
    name_ = ptsname(terminal_);
  }
  void TearDown() override { close(terminal_); }

  void type(char key) { ASSERT_EQ(write(terminal_, &key, 1), 1); }

  /// The shell: starts strata in a foreground job of its own, then ends with what it found wrong.
  static void be_shell(const std::string& terminal, const std::vector<std::string>& command,
                       Board& board) {
    setsid();
    const int tty = open(terminal.c_str(), O_RDWR);
    if (ioctl(tty, TIOCSCTTY, 0) != 0) _exit(20);
    const pid_t strata = fork();
    if (strata == 0) {
      setpgid(0, 0);
      std::signal(SIGTTOU, SIG_IGN);
      tcsetpgrp(tty, getpid());
      std::signal(SIGTTOU, SIG_DFL);
      auto moment = LastMoment::wait_for(command);
      if (!moment || moment->signal() != SIGINT) _exit(1);
      _exit(moment->finish().value_or(-1) == W_EXITCODE(0, SIGINT) ? 42 : 2);
    }
    int status = 0;
    if (waitpid(strata, &status, WUNTRACED) != strata || !WIFSTOPPED(status)) _exit(21);
    board.sent = 1;  // ^Z was heard
    while (board.sent == 1) usleep(500);
    kill(-strata, SIGCONT);  // fg
    if (waitpid(strata, &status, 0) != strata) _exit(22);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 23);
  }

  int terminal_ = -1;
  std::string name_;
};

TEST_F(LastMomentTerminal, stops_both_on_ctrl_z_and_ends_the_program_alone_on_ctrl_c) {
  const InheritedBoard board;
  const auto command = kBeats.command(board);
  Child shell([&] { be_shell(name_, command, *board); });
  ASSERT_TRUE(eventually([&] { return board->tid != 0; }));
  ASSERT_TRUE(beats_on(*board));
  type('\x1a');
  ASSERT_TRUE(eventually([&] { return board->sent == 1; }));
  EXPECT_TRUE(has_stopped(*board, board->tid));
  board->sent = 2;
  EXPECT_TRUE(beats_on(*board));
  type('\x03');
  EXPECT_EQ(shell.end(), W_EXITCODE(42, 0));
}

}  // namespace
}  // namespace strata
