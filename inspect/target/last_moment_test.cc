// That a program is held as it ends, with all its memory, and then ends as it would have.
// last_moment_threads_test.cc has those with threads, last_moment_signals_test.cc signals, job
// control and what happens when strata comes to harm.

#include "inspect/target/last_moment.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "inspect/target/process.h"
#include "inspect/target/test_program.h"

namespace strata {
namespace {

using namespace test;

std::vector<std::string> sh(const std::string& script) { return {"sh", "-c", script}; }

/// The whole life of a program whose last moment nobody looks at.
int status_of(const std::vector<std::string>& command) {
  auto moment = LastMoment::wait_for(command);
  EXPECT_TRUE(moment) << to_text(moment.error());
  if (!moment) return -1;
  EXPECT_TRUE(moment->stands());
  const auto status = moment->finish();
  EXPECT_FALSE(moment->stands());
  return status.value_or(-1);
}

bool gone(pid_t pid) { return kill(pid, 0) != 0 && errno == ESRCH; }

constexpr std::size_t kBlockSize = 1 << 20;

std::uint64_t word_at(std::size_t i) { return 0x5717a7a000000000 + i * 2654435761; }

const TestProgram kFillsItsHeap("fills_its_heap", [](Board& board) {
  auto* block = static_cast<std::uint64_t*>(std::malloc(kBlockSize));
  for (std::size_t i = 0; i < kBlockSize / sizeof(*block); ++i) block[i] = word_at(i);
  board.stack[0] = reinterpret_cast<std::uint64_t>(block);
  char here = 0;
  board.stack[1] = reinterpret_cast<std::uint64_t>(&here);
  board.thread_pointer[0] = pthread_self();
  _exit(42);
});

TEST(LastMoment, memory_is_whole_and_the_exit_code_is_the_programs) {
  const InheritedBoard board;
  auto moment = LastMoment::wait_for(kFillsItsHeap.command(board));
  ASSERT_TRUE(moment) << to_text(moment.error());
  ASSERT_TRUE(moment->stands());
  EXPECT_FALSE(moment->signal());

  auto process = Process::open(moment->pid());
  ASSERT_TRUE(process) << to_text(process.error());
  std::vector<std::uint64_t> block(kBlockSize / 8);
  const Address start{board->stack[0]};
  EXPECT_EQ((*process)->read_memory(start, std::as_writable_bytes(std::span(block)))->value,
            kBlockSize);
  for (std::size_t i = 0; i < block.size(); ++i) ASSERT_EQ(block[i], word_at(i)) << i;

  const auto mappings = (*process)->read_mappings();
  ASSERT_TRUE(mappings) << to_text(mappings.error());
  EXPECT_TRUE(std::any_of(mappings->begin(), mappings->end(), [&](const Mapping& mapping) {
    return mapping.range.start <= start && start < mapping.range.end;
  }));
  EXPECT_EQ((*process)->identity().executable, TestProgram::executable());

  // Page by page, so that what was touched can be told from what was not.
  const auto pagemap = (*process)->open_kernel_file("pagemap");
  ASSERT_TRUE(pagemap) << to_text(pagemap.error());
  std::uint64_t entry = 0;
  const auto page = static_cast<std::uint64_t>(getpagesize());
  ASSERT_EQ(pread(pagemap->fd(), &entry, 8, static_cast<off_t>(start.value / page * 8)), 8);
  EXPECT_TRUE(entry >> 63) << "not present";
  const auto smaps = (*process)->read_kernel_text("smaps");
  ASSERT_TRUE(smaps) << to_text(smaps.error());
  EXPECT_NE(smaps->find("[stack]"), std::string::npos);

  const auto first =
      std::find_if(moment->threads().begin(), moment->threads().end(),
                   [&](const Thread& thread) { return thread.tid == moment->pid(); });
  ASSERT_NE(first, moment->threads().end());
  EXPECT_EQ(first->state, 't');
  ASSERT_TRUE(first->stack_pointer && first->thread_pointer && first->instruction_pointer);
  EXPECT_EQ(first->thread_pointer->value, board->thread_pointer[0]);
  EXPECT_LE(first->stack_pointer->value, board->stack[1]);
  EXPECT_GT(first->stack_pointer->value, board->stack[1] - (1 << 20));

  const auto status = moment->finish();
  ASSERT_TRUE(status) << to_text(status.error());
  EXPECT_EQ(*status, W_EXITCODE(42, 0));
  EXPECT_EQ(moment->finish().value_or(-1), *status);
  EXPECT_FALSE(moment->stands());
  EXPECT_TRUE(gone(moment->pid()));
  EXPECT_FALSE((*process)->read_mappings());
}

TEST(LastMoment, nobody_asks_for_it_and_the_program_ends_all_the_same) {
  pid_t pid = 0;
  {
    auto moment = LastMoment::wait_for({"true"});
    ASSERT_TRUE(moment) << to_text(moment.error());
    pid = moment->pid();
    EXPECT_EQ(states(pid), "t");
    auto other = LastMoment::wait_for({"false"});
    ASSERT_TRUE(other) << to_text(other.error());
    *moment = std::move(*other);
    EXPECT_TRUE(gone(pid));
    pid = moment->pid();
    EXPECT_TRUE(moment->stands());
  }
  EXPECT_TRUE(gone(pid));
}

TEST(LastMoment, however_short_a_program_is_it_has_one) {
  for (int i = 0; i < 50; ++i) ASSERT_EQ(status_of({"true"}), 0);
}

TEST(LastMoment, of_several_images_the_last_is_looked_at) {
  auto moment = LastMoment::wait_for(sh("exec sh -c 'exec env sh -c \"exit 5\"'"));
  ASSERT_TRUE(moment) << to_text(moment.error());
  auto process = Process::open(moment->pid());
  ASSERT_TRUE(process) << to_text(process.error());
  EXPECT_EQ((*process)->identity().command_line, "sh -c exit 5");
  EXPECT_EQ(moment->finish().value_or(-1), W_EXITCODE(5, 0));
}

TEST(LastMoment, processes_that_it_starts_run_untraced_and_may_outlive_it) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const InheritedBoard board;
  // The board's descriptor is the outliving shell's way to say that it lives.
  const std::string fd = "/proc/self/fd/" + std::to_string(board.fd());
  auto moment = LastMoment::wait_for(sh("sleep 1000 >/dev/null & printf '%s ' $! >" + fd));
  ASSERT_TRUE(moment) << to_text(moment.error());
  char text[16] = {};
  ASSERT_GT(pread(board.fd(), text, sizeof(text) - 1, 0), 0);
  const pid_t child = std::atoi(text);
  ASSERT_GT(child, 1);
  EXPECT_TRUE(runs_free(child));
  EXPECT_EQ(moment->finish().value_or(-1), 0);
  EXPECT_FALSE(gone(child));
  kill(child, SIGKILL);
  EXPECT_TRUE(eventually([&] { return waitpid(child, nullptr, WNOHANG) == child; }));
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(LastMoment, programs_that_start_many_others_work) {
  EXPECT_EQ(status_of(sh("i=0; while [ $i -lt 100 ]; do env true || exit 1; i=$((i+1)); done; "
                         "x=$(printf 'a\nb\n' | sort -r | head -n 1); [ $x = b ] && exit 6")),
            W_EXITCODE(6, 0));
}

const TestProgram kVforks("vforks", [](Board& board) {
  for (int i = 0; i < 200; ++i) {
    const pid_t child = vfork();  // NOLINT(bugprone-unsafe-functions)
    if (child == 0) {
      if (i % 2 == 0) execl("/bin/true", "true", nullptr);
      _exit(0);
    }
    int status = -1;
    if (waitpid(child, &status, 0) != child || status != 0) board.wrong++;
    board.done++;
  }
  // A process and no thread, though it is made without SIGCHLD, as threads are.
  for (int i = 0; i < 20; ++i) {
    const long child = syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) {
      usleep(1000);
      _exit(9);
    }
    int status = -1;
    const bool ended = waitpid(static_cast<pid_t>(child), &status, __WCLONE) == child;
    if (!ended || status != W_EXITCODE(9, 0)) board.wrong++;
    board.done++;
  }
  _exit(2);
});

TEST(LastMoment, vforks_and_clones_without_a_signal_are_not_taken_for_threads) {
  const InheritedBoard board;
  EXPECT_EQ(status_of(kVforks.command(board)), W_EXITCODE(2, 0));
  EXPECT_EQ(board->done, 220u);
  EXPECT_EQ(board->wrong, 0u);
}

const TestProgram kReadsWhatItInherited("reads_what_it_inherited", [](Board& board) {
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, nullptr, &blocked);
  for (int signal = 1; signal < 32; ++signal) {
    struct sigaction action;
    sigaction(signal, nullptr, &action);
    if (action.sa_handler == SIG_IGN) board.sent |= 1u << signal;
    if (sigismember(&blocked, signal) == 1) board.received |= 1u << signal;
  }
  board.ready = static_cast<std::uint64_t>(getppid());
  board.done = static_cast<std::uint64_t>(getpgrp());
});

TEST(LastMoment, the_program_inherits_what_strata_has) {
  const InheritedBoard board;
  std::signal(SIGUSR2, SIG_IGN);
  sigset_t mine, before;
  sigemptyset(&mine);
  sigaddset(&mine, SIGUSR1);
  pthread_sigmask(SIG_SETMASK, &mine, &before);
  EXPECT_EQ(status_of(kReadsWhatItInherited.command(board)), 0);
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, &before, &after);
  std::signal(SIGUSR2, SIG_DFL);
  EXPECT_EQ(board->sent, 1u << SIGUSR2);
  EXPECT_EQ(board->received, 1u << SIGUSR1);
  EXPECT_EQ(sigismember(&after, SIGTERM), 0);
  EXPECT_EQ(board->ready, static_cast<std::uint64_t>(getpid()));
  EXPECT_EQ(board->done, static_cast<std::uint64_t>(getpgrp()));
}

TEST(LastMoment, leaves_other_children_descriptors_and_handlers_alone) {
  Child other([] { _exit(3); });
  ASSERT_TRUE(eventually([&] { return states(other.pid()) == "Z"; }));
  const std::size_t open = list("/proc/self/fd").size();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(status_of({"true"}), 0);
    EXPECT_FALSE(LastMoment::wait_for({"/no/such/program"}));
  }
  EXPECT_EQ(list("/proc/self/fd").size(), open);
  EXPECT_EQ(other.end(), W_EXITCODE(3, 0));
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  struct sigaction interrupt;
  sigaction(SIGINT, nullptr, &interrupt);
  EXPECT_EQ(interrupt.sa_handler, SIG_DFL);
}

// A parent that ignores SIGCHLD hands that down, and then no child's status is kept for wait().
TEST(LastMoment, the_status_is_known_where_strata_was_started_with_sigchld_ignored) {
  std::signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(status_of(sh("exit 7")), W_EXITCODE(7, 0));
  std::signal(SIGCHLD, SIG_DFL);
}

}  // namespace
}  // namespace strata
