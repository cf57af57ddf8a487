// What freezing promises to the target. freeze_keeper_test.cc has what happens when strata or the
// keeper come to harm.

#include "inspect/target/freeze.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/epoll.h>

#include <csignal>
#include <cstring>
#include <memory>
#include <thread>

#include "inspect/target/process.h"
#include "inspect/target/test_child.h"
#include "inspect/target/vector_sleeper.h"

namespace strata {
namespace {

using namespace std::chrono_literals;
using namespace test;

TEST(Freeze, stops_every_thread_and_says_where_each_stands) {
  NEEDS_NO_FOREIGN_THREAD();
  constexpr int kThreads = 6;
  Shared<Board> board;
  const Child target([&] {
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

  auto freeze = test::stop(target.pid(), kLong);
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
  EXPECT_FALSE(freeze->stood_at_most());
  EXPECT_FALSE(freeze->holds());
  EXPECT_TRUE(runs_free(target.pid()));
  EXPECT_TRUE(beats_on(*board));
}

TEST(Freeze, says_what_each_thread_has_in_its_vector_registers) {
  NEEDS_NO_FOREIGN_THREAD();
  constexpr std::size_t kThreads = 70;
  Shared<Board> board;
  const Child target([&] {
    for (std::size_t i = 0; i < kThreads; ++i) {
      std::thread([&board] {
        board->ready++;
        sleep_with_vector();
      }).detach();
    }
    for (;;) pause();
  });
  const std::string all_asleep(kThreads + 1, 'S');
  ASSERT_TRUE(
      eventually([&] { return board->ready == kThreads && states(target.pid()) == all_asleep; }));
  auto freeze = test::stop(target.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  ASSERT_EQ(freeze->threads().size(), kThreads + 1);
  for (const Thread& thread : freeze->threads()) {
    EXPECT_EQ(has_vector(thread), thread.tid != target.pid()) << thread.tid;
  }
}

TEST(Freeze, released_twice_stood_once) {
  const Child target([] { pause(); });
  auto freeze = test::stop(target.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  const auto stood = freeze->release();
  EXPECT_GT(stood, 0us);
  EXPECT_EQ(freeze->release(), stood);
}

TEST(Freeze, the_limit_passes_by_itself) {
  Shared<Board> board;
  Child target([&] { beat(*board); });
  ASSERT_TRUE(beats_on(*board));
  const auto start = std::chrono::steady_clock::now();
  auto freeze = stop_in_the_end(target.pid(), 200ms);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  EXPECT_TRUE(eventually([&] { return !freeze->holds() && runs_free(target.pid()); }));
  EXPECT_TRUE(beats_on(*board));
  // However late strata asks, the keeper's measure ended when it let go.
  const auto by_then = std::chrono::steady_clock::now() - start;
  usleep(300'000);
  const auto stood = freeze->release();
  EXPECT_GE(stood, 200ms);
  if (!freeze->stood_at_most()) EXPECT_LT(stood, by_then + 300ms);
}

TEST(Freeze, holds_nothing_before_it_is_told_to_stop) {
  Shared<Board> board;
  const Child target([&] { beat(*board); });
  auto freeze = Freeze::prepare(target.pid());
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  EXPECT_FALSE(freeze->holds());
  EXPECT_EQ(tracer_of(target.pid(), target.pid()), 0);
  EXPECT_TRUE(beats_on(*board));
  EXPECT_EQ(freeze->release(), 0us);
}

// The heir waits in epoll_wait(), which any stop would end with EINTR.
TEST(Freeze, never_stops_whoever_got_its_number) {
  Shared<Board> board;
  auto target = std::make_unique<Child>([] { pause(); });
  const pid_t number = target->pid();
  auto process = Process::open(number);
  ASSERT_TRUE(process) << to_text(process.error());
  auto prepared = Freeze::prepare(**process);
  ASSERT_TRUE(prepared) << to_text(prepared.error());
  kill(number, SIGKILL);
  target->end();
  const pid_t forked = fork_as(number);
  if (forked < 0) GTEST_SKIP() << "clone3 with a chosen number: " << std::strerror(errno);
  const Child heir(forked, [&] {
    const int waited = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event;
    board->ready = 1;
    while (epoll_wait(waited, &event, 1, -1) >= 0) {
    }
    board->wrong = 1;
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->ready == 1 && states(number) == "S"; }));
  const auto stopped = prepared->stop(kLong);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().cause, Cause::kGone) << to_text(stopped.error());
  auto late = Freeze::prepare(**process);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().cause, Cause::kGone) << to_text(late.error());
  EXPECT_EQ(tracer_of(number, number), 0);
  EXPECT_EQ(board->wrong, 0u);
  // That it would have been felt.
  EXPECT_TRUE(test::stop(number, kLong));
  EXPECT_TRUE(eventually([&] { return board->wrong == 1; }));
}

TEST(Freeze, assigning_another_lets_the_first_go) {
  NEEDS_NO_FOREIGN_THREAD();
  const Child first([] { pause(); });
  const Child second([] { pause(); });
  auto freeze = test::stop(first.pid(), kLong);
  auto other = test::stop(second.pid(), kLong);
  ASSERT_TRUE(freeze && other);
  *freeze = std::move(*other);
  EXPECT_TRUE(runs_free(first.pid()));
  EXPECT_TRUE(freeze->holds());
  EXPECT_EQ(states(second.pid()), "t");
}

}  // namespace
}  // namespace strata
