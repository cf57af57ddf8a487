// What freezing promises to the target. freeze_keeper_test.cc has what happens when strata or the
// keeper come to harm.

#include "inspect/target/freeze.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <thread>

#include "inspect/target/test_child.h"

namespace strata {
namespace {

using namespace std::chrono_literals;
using namespace test;

constexpr Freeze::Duration kLong = 60s;

TEST(Freeze, stops_every_thread_and_says_where_each_stands) {
  NEEDS_NO_FOREIGN_THREAD();
  constexpr int kThreads = 6;
  Shared<Board> board;
  Child target([&] {
    for (int i = 0; i < kThreads; ++i) {
      std::thread([&board, i] {
        char here = 0;
        board->stack[i] = reinterpret_cast<std::uint64_t>(&here);
        board->thread_pointer[i] = pthread_self();
        pthread_setname_np(pthread_self(), ("worker " + std::to_string(i)).c_str());
        board->ready++;
        if (i % 2 == 0) beat(*board);
        for (;;) pause();
      }).detach();
    }
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->ready == kThreads; }));

  auto freeze = Freeze::stop(target.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  EXPECT_TRUE(freeze->holds());
  EXPECT_TRUE(freeze->not_stopped().empty());
  EXPECT_EQ(states(target.pid()), "ttttttt");
  const std::uint64_t beats = board->beats;

  ASSERT_EQ(freeze->threads().size(), kThreads + 1u);
  for (const Thread& thread : freeze->threads()) {
    EXPECT_EQ(thread.state, 't');
    ASSERT_TRUE(thread.stack_pointer && thread.instruction_pointer && thread.thread_pointer);
    if (thread.tid == target.pid()) continue;
    ASSERT_EQ(thread.name.substr(0, 7), "worker ");
    const int i = thread.name.at(7) - '0';
    EXPECT_EQ(thread.thread_pointer->value, board->thread_pointer[i]) << thread.name;
    EXPECT_LE(thread.stack_pointer->value, board->stack[i]) << thread.name;
    EXPECT_GT(thread.stack_pointer->value, board->stack[i] - (1 << 20)) << thread.name;
  }
  usleep(5000);
  EXPECT_EQ(board->beats, beats);

  EXPECT_GE(freeze->release(), 5ms);
  EXPECT_FALSE(freeze->holds());
  EXPECT_TRUE(runs_free(target.pid()));
  EXPECT_TRUE(beats_on(*board));
}

TEST(Freeze, released_twice_stood_once) {
  Child target([] { pause(); });
  auto freeze = Freeze::stop(target.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  const auto stood = freeze->release();
  EXPECT_GT(stood, 0us);
  EXPECT_EQ(freeze->release(), stood);
}

TEST(Freeze, the_limit_passes_by_itself) {
  Shared<Board> board;
  Child target([&] { beat(*board); });
  ASSERT_TRUE(beats_on(*board));
  auto freeze = stop_in_the_end(target.pid(), 200ms);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  EXPECT_TRUE(eventually([&] { return runs_free(target.pid()); }));
  EXPECT_FALSE(freeze->holds());
  EXPECT_TRUE(beats_on(*board));
  EXPECT_GE(freeze->release(), 200ms);
}

TEST(Freeze, assigning_another_lets_the_first_go) {
  NEEDS_NO_FOREIGN_THREAD();
  Child first([] { pause(); });
  Child second([] { pause(); });
  auto freeze = Freeze::stop(first.pid(), kLong);
  auto other = Freeze::stop(second.pid(), kLong);
  ASSERT_TRUE(freeze && other);
  *freeze = std::move(*other);
  EXPECT_TRUE(runs_free(first.pid()));
  EXPECT_TRUE(freeze->holds());
  EXPECT_EQ(states(second.pid()), "t");
}

TEST(Freeze, a_target_stopped_before_stays_stopped_and_can_be_read) {
  NEEDS_NO_FOREIGN_THREAD();
  Shared<Board> board;
  const int secret = 4711;
  Child target([&] {
    std::thread([&] { beat(*board); }).detach();
    for (;;) pause();
  });
  ASSERT_TRUE(beats_on(*board));
  kill(target.pid(), SIGSTOP);
  ASSERT_TRUE(eventually([&] { return states(target.pid()) == "TT"; }));
  for (int i = 0; i < 20; ++i) {
    auto freeze = Freeze::stop(target.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
    ASSERT_TRUE(freeze->not_stopped().empty());
    for (const Thread& thread : freeze->threads()) EXPECT_EQ(thread.state, 'T');
    int got = 0;
    iovec here{&got, sizeof(got)};
    iovec there{const_cast<int*>(&secret), sizeof(secret)};
    EXPECT_EQ(process_vm_readv(target.pid(), &here, 1, &there, 1, 0), 4);
    EXPECT_EQ(got, secret);
    freeze->release();
    ASSERT_TRUE(eventually([&] { return states(target.pid()) == "TT"; })) << states(target.pid());
  }
  const std::uint64_t beats = board->beats;
  usleep(5000);
  EXPECT_EQ(board->beats, beats);
  kill(target.pid(), SIGCONT);
  EXPECT_TRUE(beats_on(*board));
}

TEST(Freeze, stop_and_continue_sent_meanwhile_take_effect_afterwards) {
  NEEDS_NO_FOREIGN_THREAD();
  Shared<Board> board;
  Child target([&] { beat(*board); });
  ASSERT_TRUE(beats_on(*board));
  {
    auto freeze = Freeze::stop(target.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
    kill(target.pid(), SIGSTOP);
  }
  ASSERT_TRUE(eventually([&] { return states(target.pid()) == "T"; }));
  {
    auto freeze = Freeze::stop(target.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
    const std::uint64_t beats = board->beats;
    kill(target.pid(), SIGCONT);
    usleep(5000);
    EXPECT_EQ(board->beats, beats);
  }
  EXPECT_TRUE(beats_on(*board));
}

TEST(Freeze, another_tracer_is_named) {
  Shared<Board> board;
  Child target([&] { beat(*board); });
  Child tracer([&] {
    prctl(PR_SET_NAME, "my\ndebugger");
    board->done = ptrace(PTRACE_SEIZE, target.pid(), nullptr, nullptr) == 0 ? 1 : 2;
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->done != 0; }));
  ASSERT_EQ(board->done, 1u);
  auto freeze = Freeze::stop(target.pid(), kLong);
  ASSERT_FALSE(freeze);
  EXPECT_EQ(freeze.error().cause, Cause::kPermission);
  const std::string text = to_text(freeze.error());
  EXPECT_NE(text.find("process " + std::to_string(tracer.pid()) + " (my\\ndebugger)"),
            std::string::npos)
      << text;
  EXPECT_EQ(tracer_of(target.pid(), target.pid()), tracer.pid());
  EXPECT_TRUE(beats_on(*board));
}

TEST(Freeze, one_thread_traced_by_another_leaves_the_rest_running) {
  Shared<Board> board;
  Child target([&] {
    std::thread([&] { beat(*board); }).detach();
    std::thread([&] {
      board->tid = gettid();
      for (;;) pause();
    }).detach();
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->tid != 0; }));
  Child tracer([&] {
    board->done = ptrace(PTRACE_SEIZE, board->tid.load(), nullptr, nullptr) == 0 ? 1 : 2;
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->done == 1; }));
  auto freeze = Freeze::stop(target.pid(), kLong);
  ASSERT_FALSE(freeze);
  EXPECT_EQ(freeze.error().cause, Cause::kPermission);
  EXPECT_EQ(tracer_of(target.pid(), target.pid()), 0);
  EXPECT_TRUE(beats_on(*board));
}

TEST(Freeze, another_users_process_is_refused_with_the_way_out) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  Shared<Board> board;
  Child target([] { pause(); });
  Child strata([&] {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(1);
    auto freeze = Freeze::stop(target.pid(), kLong);
    if (freeze) _exit(2);
    if (freeze.error().cause != Cause::kPermission) _exit(3);
    if (to_text(freeze.error()).find("belongs to user 0") == std::string::npos) _exit(4);
    if (freeze.error().help.find("sudo") == std::string::npos) _exit(5);
  });
  EXPECT_EQ(strata.end(), 0);
}

// A target with one thread that waits for its vfork child until `board.done`, and one that counts.
void wait_in_vfork(Board& board) {
  std::thread([&board] { beat(board); }).detach();
  std::thread([&board] {
    board.tid = gettid();
    if (vfork() == 0) {
      while (board.done == 0) usleep(1000);
      _exit(0);
    }
    board.received = 1;
    for (;;) pause();
  }).detach();
  for (;;) pause();
}

std::string state_of(pid_t pid, pid_t tid) {
  const std::string stat = read_proc(pid, "task/" + std::to_string(tid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end == std::string::npos ? "" : stat.substr(name_end + 2, 1);
}

class FreezeInVfork : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_NO_FOREIGN_THREAD();
    ASSERT_TRUE(eventually(
        [&] { return board_->tid != 0 && state_of(target_.pid(), board_->tid) == "D"; }));
  }
  void TearDown() override { board_->done = 1; }  // the vfork child outlives its parent's SIGKILL

  Shared<Board> board_;
  Child target_{[this] { wait_in_vfork(*board_); }};
};

TEST_F(FreezeInVfork, the_rest_stands_and_it_is_named) {
  auto freeze = stop_in_the_end(target_.pid(), 10s);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  ASSERT_EQ(freeze->not_stopped().size(), 1u);
  const std::string& said = freeze->not_stopped()[0];
  EXPECT_NE(said.find(std::to_string(board_->tid) + " (stand-in)"), std::string::npos) << said;
  EXPECT_NE(said.find("vfork"), std::string::npos) << said;
  ASSERT_EQ(freeze->threads().size(), 3u);
  for (const Thread& thread : freeze->threads()) {
    EXPECT_EQ(thread.state, thread.tid == board_->tid ? 'D' : 't');
    EXPECT_TRUE(thread.stack_pointer && thread.instruction_pointer);
  }
  // Let go while it still waits: nothing may be left that stops it when its child ends.
  freeze->release();
  EXPECT_TRUE(runs_free(target_.pid()));
  EXPECT_EQ(state_of(target_.pid(), board_->tid), "D");
  EXPECT_TRUE(beats_on(*board_));
  board_->done = 1;
  EXPECT_TRUE(eventually([&] { return board_->received == 1; }));
  EXPECT_TRUE(eventually([&] { return states(target_.pid()).find('t') == std::string::npos; }));
}

TEST_F(FreezeInVfork, its_child_ending_while_frozen_does_no_harm) {
  {
    auto freeze = stop_in_the_end(target_.pid(), 10s);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
    ASSERT_EQ(freeze->not_stopped().size(), 1u);
    board_->done = 1;
    EXPECT_TRUE(eventually([&] { return state_of(target_.pid(), board_->tid) != "D"; }));
  }
  EXPECT_TRUE(eventually([&] { return board_->received == 1; }));
  EXPECT_TRUE(runs_free(target_.pid()));
  EXPECT_TRUE(beats_on(*board_));
}

TEST(Freeze, a_thread_in_vfork_alone_is_a_limit) {
  NEEDS_NO_FOREIGN_THREAD();
  Shared<Board> board;
  Child target([&] {
    if (vfork() == 0) {
      board->ready = 1;
      while (board->done == 0) usleep(1000);
      _exit(0);
    }
    beat(*board);
  });
  ASSERT_TRUE(eventually([&] { return board->ready == 1 && states(target.pid()) == "D"; }));
  auto freeze = Freeze::stop(target.pid(), 100ms);
  ASSERT_FALSE(freeze);
  EXPECT_EQ(freeze.error().cause, Cause::kLimit);
  board->done = 1;
  EXPECT_TRUE(beats_on(*board));
}

TEST(Freeze, threads_that_come_and_go_are_all_stopped) {
  Shared<Board> board;
  Child target([&] {
    for (int i = 0; i < 3; ++i) {
      std::thread([&] {
        for (;;) std::thread([&] { board->beats++; }).join();
      }).detach();
    }
    for (;;) pause();
  });
  ASSERT_TRUE(beats_on(*board));
  for (int i = 0; i < 100; ++i) {
    auto freeze = Freeze::stop(target.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
    ASSERT_TRUE(freeze->not_stopped().empty()) << freeze->not_stopped()[0];
    const std::string standing = states(target.pid());
    EXPECT_EQ(standing.find_first_not_of('t'), std::string::npos) << standing;
    EXPECT_EQ(freeze->threads().size(), standing.size());
    const std::uint64_t beats = board->beats;
    usleep(500);
    EXPECT_EQ(board->beats, beats);
    EXPECT_TRUE(freeze->holds());
  }
  EXPECT_TRUE(beats_on(*board));
}

TEST(Freeze, a_leader_that_ended_is_a_zombie_beside_its_threads) {
  NEEDS_NO_FOREIGN_THREAD();
  Shared<Board> board;
  Child target([&] {
    std::thread([&] { beat(*board); }).detach();
    syscall(SYS_exit, 0);
  });
  ASSERT_TRUE(eventually([&] { return state_of(target.pid(), target.pid()) == "Z"; }));
  auto freeze = Freeze::stop(target.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  EXPECT_TRUE(freeze->not_stopped().empty());
  ASSERT_EQ(freeze->threads().size(), 2u);
  EXPECT_EQ(freeze->threads()[0].state, 'Z');
  EXPECT_EQ(freeze->threads()[1].state, 't');
  freeze->release();
  EXPECT_TRUE(beats_on(*board));
}

// Freezes `target` until it has ended, and says how often it was found ended or standing.
void freeze_to_its_end(pid_t target) {
  for (;;) {
    auto freeze = Freeze::stop(target, kLong);
    if (!freeze) {
      ASSERT_TRUE(freeze.error().cause == Cause::kGone ||
                  freeze.error().cause == Cause::kUnsupported)
          << to_text(freeze.error());
      if (freeze.error().cause == Cause::kGone) return;
    } else {
      EXPECT_TRUE(freeze->not_stopped().empty()) << freeze->not_stopped()[0];
    }
  }
}

TEST(Freeze, an_exit_meanwhile_keeps_its_status) {
  for (int i = 0; i < 60; ++i) {
    Child target([i] {
      for (int n = 0; n < 6; ++n) {
        std::thread([] {
          for (;;) pause();
        }).detach();
      }
      usleep(static_cast<useconds_t>(i * 50));
      // By turns from the leader and from another thread.
      if (i % 2 == 0) _exit(7);
      std::thread([] { _exit(7); }).join();
    });
    freeze_to_its_end(target.pid());
    const int status = target.end();
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  }
}

TEST(Freeze, an_exec_meanwhile_succeeds) {
  for (int i = 0; i < 60; ++i) {
    Child target([i] {
      for (int n = 0; n < 6; ++n) {
        std::thread([] {
          for (;;) pause();
        }).detach();
      }
      usleep(static_cast<useconds_t>(i * 50));
      // From another thread than the leader: it takes over the leader's tid.
      std::thread([] { execl("/bin/sh", "sh", "-c", "exit 7", nullptr); }).join();
    });
    freeze_to_its_end(target.pid());
    const int status = target.end();
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  }
}

TEST(Freeze, killing_the_target_while_it_stands_ends_the_freeze) {
  Child target([] {
    std::thread([] { pause(); }).detach();
    pause();
  });
  auto freeze = Freeze::stop(target.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  kill(target.pid(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return !freeze->holds(); }));
  const int status = target.end();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

TEST(Freeze, sleep_and_poll_resume) {
  Shared<Board> board;
  Child target([&] {
    std::thread sleeper([&] {
      const timespec time{0, 400'000'000};
      board->ready++;
      if (nanosleep(&time, nullptr) != 0) board->wrong++;
      board->done++;
    });
    std::thread poller([&] {
      board->ready++;
      if (poll(nullptr, 0, 400) != 0) board->wrong++;
      board->done++;
    });
    sleeper.join();
    poller.join();
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->ready == 2; }));
  while (board->done < 2) {
    auto freeze = Freeze::stop(target.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
  }
  EXPECT_EQ(board->wrong, 0u);
}

Board* handler_board = nullptr;

// Waits for more signals until it is killed.
void count_signals(Board& board, int signal, void (*handler)(int, siginfo_t*, void*)) {
  handler_board = &board;
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO;
  sigaction(signal, &action, nullptr);
  board.ready = 1;
  for (;;) pause();
}

TEST(Freeze, no_signal_is_lost) {
  Shared<Board> board;
  Child target([&] {
    count_signals(*board, SIGUSR1, [](int, siginfo_t*, void*) { handler_board->received++; });
  });
  ASSERT_TRUE(eventually([&] { return board->ready == 1; }));
  // The next is sent when the last has arrived, since two of them pending are one.
  Child sender([&] {
    while (board->done == 0) {
      board->sent++;
      kill(target.pid(), SIGUSR1);
      while (board->received < board->sent) sched_yield();
    }
  });
  for (int i = 0; i < 500; ++i) {
    auto freeze = Freeze::stop(target.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
  }
  board->done = 1;
  EXPECT_EQ(sender.end(), 0) << board->sent << " sent, " << board->received << " received";
  EXPECT_EQ(board->sent, board->received);
  EXPECT_GT(board->sent, 100u);
}

// Also not when the keeper is killed while the target stands.
TEST(Freeze, queued_signals_arrive_in_order_with_their_values) {
  NEEDS_NO_FOREIGN_THREAD();  // nor one that keeps a single pending signal for its handlers
  Shared<Board> board;
  Child target([&] {
    count_signals(*board, SIGRTMIN + 3, [](int, siginfo_t* info, void*) {
      const std::uint64_t expected = handler_board->received.fetch_add(1) + 1;
      if (static_cast<std::uint64_t>(info->si_value.sival_int) != expected ||
          info->si_code != SI_QUEUE) {
        handler_board->wrong++;
      }
    });
  });
  ASSERT_TRUE(eventually([&] { return board->ready == 1; }));
  Child sender([&] {
    while (board->done == 0) {
      while (board->sent - board->received > 50) sched_yield();
      sigval value = {};
      value.sival_int = static_cast<int>(board->sent + 1);
      if (sigqueue(target.pid(), SIGRTMIN + 3, value) == 0) board->sent++;
    }
  });
  for (int i = 0; i < 500; ++i) {
    auto freeze = Freeze::stop(target.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
    const pid_t keeper = tracer_of(target.pid(), target.pid());
    ASSERT_GT(keeper, 0);
    if (i % 2 == 0) kill(keeper, SIGKILL);
  }
  board->done = 1;
  EXPECT_EQ(sender.end(), 0);
  EXPECT_TRUE(eventually([&] { return board->received == board->sent; }))
      << board->sent << " sent, " << board->received << " received";
  EXPECT_EQ(board->wrong, 0u);
  EXPECT_GT(board->sent, 100u);
}

TEST(Freeze, what_has_ended_is_gone) {
  pid_t pid = 0;
  {
    Child target([] { _exit(0); });
    pid = target.pid();
    ASSERT_TRUE(eventually([&] { return states(pid) == "Z"; }));
    auto freeze = Freeze::stop(pid, kLong);
    ASSERT_FALSE(freeze);
    EXPECT_EQ(freeze.error().cause, Cause::kGone) << to_text(freeze.error());
  }
  auto freeze = Freeze::stop(pid, kLong);
  ASSERT_FALSE(freeze);
  EXPECT_EQ(freeze.error().cause, Cause::kGone) << to_text(freeze.error());
}

TEST(Freeze, a_kernel_thread_is_unsupported) {
  if (geteuid() != 0 || read_proc(2, "comm") != "kthreadd\n") GTEST_SKIP() << "none to be seen";
  auto freeze = Freeze::stop(2, kLong);
  ASSERT_FALSE(freeze);
  EXPECT_EQ(freeze.error().cause, Cause::kUnsupported) << to_text(freeze.error());
}

TEST(Freeze, itself_or_for_no_time_is_a_mistake) {
  Child target([] { pause(); });
  EXPECT_EQ(Freeze::stop(getpid(), kLong).error().cause, Cause::kUsage);
  EXPECT_EQ(Freeze::stop(target.pid(), 0s).error().cause, Cause::kUsage);
  EXPECT_EQ(Freeze::stop(target.pid(), -1s).error().cause, Cause::kUsage);
}

}  // namespace
}  // namespace strata
