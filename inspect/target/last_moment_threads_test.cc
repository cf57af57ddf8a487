// Programs with threads: however they come to their end, the address space stands and what the
// threads had in their registers is known.

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>

#include <csignal>
#include <thread>

#include "inspect/target/last_moment.h"
#include "inspect/target/process.h"
#include "inspect/target/test_program.h"
#include "inspect/target/vector_sleeper.h"

namespace strata {
namespace {

using namespace test;

constexpr int kThreads = 6;

// Threads that note where their stacks and thread pointers are; half of them sleep, half run.
void start_threads(Board& board) {
  for (int i = 0; i < kThreads; ++i) {
    std::thread([&board, i] {
      char here = 0;
      board.stack[i] = reinterpret_cast<std::uint64_t>(&here);
      board.thread_pointer[i] = pthread_self();
      pthread_setname_np(pthread_self(), ("worker " + std::to_string(i)).c_str());
      board.ready++;
      for (;;) {
        if (i % 2 == 0) pause();
      }
    }).detach();
  }
  while (board.ready < kThreads) sched_yield();
}

/// Each worker is there with its registers, and the memory of its stack can be read.
void expect_workers(const LastMoment& moment, const Board& board) {
  auto process = Process::open(moment.pid());
  ASSERT_TRUE(process) << to_text(process.error());
  int workers = 0;
  int standing = 0;
  for (const Thread& thread : moment.threads()) {
    standing += thread.state == 't';
    EXPECT_TRUE(thread.state == 't' || thread.state == 'X') << thread.state;
    ASSERT_TRUE(thread.stack_pointer && thread.instruction_pointer && thread.thread_pointer);
    EXPECT_TRUE(read_value<std::uint64_t>(**process, *thread.stack_pointer)) << thread.name;
    if (thread.name.substr(0, 7) != "worker ") continue;
    ++workers;
    const int i = thread.name.at(7) - '0';
    EXPECT_EQ(thread.thread_pointer->value, board.thread_pointer[i]) << thread.name;
    EXPECT_LE(thread.stack_pointer->value, board.stack[i]) << thread.name;
    EXPECT_GT(thread.stack_pointer->value, board.stack[i] - (1 << 20)) << thread.name;
  }
  EXPECT_EQ(workers, kThreads);
  EXPECT_EQ(standing, 1);
}

/// What runs `program` to its last moment, where its workers are as they were.
void expect_end(const TestProgram& program, int status) {
  const InheritedBoard board;
  auto moment = LastMoment::wait_for(program.command(board));
  ASSERT_TRUE(moment) << to_text(moment.error());
  ASSERT_TRUE(moment->stands());
  EXPECT_EQ(moment->signal().value_or(0), WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  expect_workers(*moment, *board);
  const auto ended = moment->finish();
  ASSERT_TRUE(ended) << to_text(ended.error());
  EXPECT_EQ(*ended & ~WCOREFLAG, status);
}

const TestProgram kExits("exits", [](Board& board) {
  start_threads(board);
  _exit(0);
});
TEST(LastMomentThreads, others_run_as_the_first_exits) { expect_end(kExits, 0); }

const TestProgram kSleepsWithVector("sleeps_with_vector", [](Board& board) {
  std::thread([&board] {
    board.tid = gettid();
    sleep_with_vector();
  }).detach();
  while (board.tid == 0 || state_of(getpid(), board.tid) != "S") sched_yield();
  _exit(0);
});
TEST(LastMomentThreads, had_words_in_their_vector_registers) {
  const InheritedBoard board;
  auto moment = LastMoment::wait_for(kSleepsWithVector.command(board));
  ASSERT_TRUE(moment) << to_text(moment.error());
  for (const Thread& thread : moment->threads()) {
    EXPECT_EQ(has_vector(thread), thread.tid == board->tid) << thread.tid;
  }
  EXPECT_TRUE(moment->finish());
}

const TestProgram kExitsWith3("exits_with_3", [](Board& board) {
  start_threads(board);
  _exit(3);
});
TEST(LastMomentThreads, others_run_as_the_first_exits_with_a_code) {
  expect_end(kExitsWith3, W_EXITCODE(3, 0));
}

const TestProgram kAnotherExits("another_exits", [](Board& board) {
  start_threads(board);
  std::thread([] { _exit(4); }).join();
});
TEST(LastMomentThreads, another_than_the_first_exits) {
  expect_end(kAnotherExits, W_EXITCODE(4, 0));
}

const TestProgram kAnotherAborts("another_aborts", [](Board& board) {
  start_threads(board);
  std::thread([] {
    std::signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
  }).join();
});
TEST(LastMomentThreads, another_than_the_first_aborts) {
  expect_end(kAnotherAborts, W_EXITCODE(0, SIGABRT));
}

const TestProgram kFirstLeaves("first_leaves", [](Board& board) {
  start_threads(board);
  std::thread([] {
    while (state_of(getpid(), getpid()) != "Z") usleep(500);
    _exit(5);
  }).detach();
  syscall(SYS_exit, 0);
});
TEST(LastMomentThreads, the_first_has_left_when_another_exits) {
  expect_end(kFirstLeaves, W_EXITCODE(5, 0));
}

const TestProgram kAllLeave("all_leave", [](Board& board) {
  board.stack[0] = 0x1234567;
  for (int i = 0; i < 20; ++i) {
    std::thread([&board, i] {
      if (i == 19) {
        // The last of those that the program made itself.
        while (board.done < 19 || state_of(getpid(), getpid()) != "Z") usleep(500);
      }
      board.done++;
      syscall(SYS_exit, 0);
    }).detach();
  }
  syscall(SYS_exit, 6);
});
TEST(LastMomentThreads, all_leave_one_by_one_and_the_last_is_waited_for) {
  NEEDS_NO_FOREIGN_THREAD();  // which would never leave
  const InheritedBoard board;
  auto moment = LastMoment::wait_for(kAllLeave.command(board));
  ASSERT_TRUE(moment) << to_text(moment.error());
  ASSERT_TRUE(moment->stands());
  EXPECT_EQ(board->done, 20u);
  ASSERT_EQ(moment->threads().size(), 1u);
  EXPECT_NE(moment->threads()[0].tid, moment->pid());
  auto process = Process::open(moment->pid());
  ASSERT_TRUE(process) << to_text(process.error());
  EXPECT_TRUE((*process)->read_mappings());
  EXPECT_TRUE(moment->finish());
}

// The exec waits until the others are gone, so none of them may be held.
const TestProgram kAnotherExecs("another_execs", [](Board& board) {
  start_threads(board);
  std::thread([] { execl("/bin/sh", "sh", "-c", "exit 9", nullptr); }).join();
});
TEST(LastMomentThreads, another_than_the_first_execs) {
  for (int i = 0; i < 20; ++i) {
    const InheritedBoard board;
    auto moment = LastMoment::wait_for(kAnotherExecs.command(board));
    ASSERT_TRUE(moment) << to_text(moment.error());
    ASSERT_TRUE(moment->stands());
    ASSERT_EQ(moment->threads().size(), 1u);
    EXPECT_EQ(moment->threads()[0].tid, moment->pid());
    auto process = Process::open(moment->pid());
    ASSERT_TRUE(process) << to_text(process.error());
    EXPECT_EQ((*process)->identity().command_line, "sh -c exit 9");
    EXPECT_EQ(moment->finish().value_or(-1), W_EXITCODE(9, 0));
  }
}

// Either may win; the program ends and is not left hanging.
const TestProgram kExecMeetsExit("exec_meets_exit", [](Board& board) {
  std::thread([&] {
    board.ready++;
    while (board.ready < 2) {
    }
    execl("/bin/true", "true", nullptr);
  }).detach();
  board.ready++;
  while (board.ready < 2) {
  }
  _exit(0);
});
TEST(LastMomentThreads, an_exec_meets_an_exit) {
  for (int i = 0; i < 50; ++i) {
    const InheritedBoard board;
    auto moment = LastMoment::wait_for(kExecMeetsExit.command(board));
    ASSERT_TRUE(moment) << to_text(moment.error());
    EXPECT_EQ(moment->finish().value_or(-1), 0);
  }
}

const TestProgram kChurns("churns", [](Board& board) {
  for (int i = 0; i < 500; ++i) {
    std::thread([&] { board.done++; }).detach();
    std::thread([&] { board.done++; }).join();
  }
  while (board.done < 1000) sched_yield();
  _exit(0);
});
TEST(LastMomentThreads, those_that_ended_by_themselves_are_forgotten) {
  NEEDS_NO_FOREIGN_THREAD();
  const InheritedBoard board;
  auto moment = LastMoment::wait_for(kChurns.command(board));
  ASSERT_TRUE(moment) << to_text(moment.error());
  ASSERT_TRUE(moment->stands());
  EXPECT_EQ(board->done, 1000u);
  // Detached ones may just be on their way out.
  EXPECT_LT(moment->threads().size(), 500u);
  EXPECT_EQ(moment->finish().value_or(-1), 0);
}

}  // namespace
}  // namespace strata
