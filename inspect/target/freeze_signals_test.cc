// What freezing does to signals and to calls that wait: none is lost, and what goes on goes on.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/uio.h>

#include <csignal>
#include <thread>

#include "inspect/target/freeze.h"
#include "inspect/target/test_child.h"

namespace strata {
namespace {

using namespace std::chrono_literals;
using namespace test;

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
    auto freeze = test::stop(target.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
    ASSERT_TRUE(freeze->not_stopped().empty());
    for (const Thread& thread : freeze->threads()) EXPECT_EQ(thread.state, 'T');
    int got = 0;
    const iovec here{&got, sizeof(got)};
    const iovec there{const_cast<int*>(&secret), sizeof(secret)};
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
    auto freeze = test::stop(target.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
    kill(target.pid(), SIGSTOP);
  }
  ASSERT_TRUE(eventually([&] { return states(target.pid()) == "T"; }));
  {
    auto freeze = test::stop(target.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
    const std::uint64_t beats = board->beats;
    kill(target.pid(), SIGCONT);
    usleep(5000);
    EXPECT_EQ(board->beats, beats);
  }
  EXPECT_TRUE(beats_on(*board));
}

TEST(Freeze, sleep_and_poll_resume) {
  Shared<Board> board;
  const Child target([&] {
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
    auto freeze = test::stop(target.pid(), kLong);
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
  // On a busy machine the sender has its turn seldom: on until it was there often enough.
  for (int i = 0; i < 500 || (board->sent <= 100 && i < 50'000); ++i) {
    auto freeze = test::stop(target.pid(), kLong);
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
  for (int i = 0; i < 500 || (board->sent <= 100 && i < 50'000); ++i) {
    auto freeze = test::stop(target.pid(), kLong);
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

}  // namespace
}  // namespace strata
