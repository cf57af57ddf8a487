// A thread that waits for its vfork child cannot be stopped; the rest can.

#include <gtest/gtest.h>

#include <thread>

#include "inspect/target/freeze.h"
#include "inspect/target/test_child.h"

namespace strata {
namespace {

using namespace std::chrono_literals;
using namespace test;

// A target with one thread that waits for its vfork child until `board.done`, and one that counts.
void wait_in_vfork(Board& board) {
  std::thread([&board] { beat(board); }).detach();
  std::thread([&board] {
    board.tid = gettid();
    // NOLINTBEGIN(bugprone-unsafe-functions,clang-analyzer-unix.Vfork): that it waits is the point.
    if (vfork() == 0) {
      while (board.done == 0) usleep(1000);
      _exit(0);
    }
    // NOLINTEND(bugprone-unsafe-functions,clang-analyzer-unix.Vfork)
    board.received = 1;
    for (;;) pause();
  }).detach();
  for (;;) pause();
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
    // NOLINTBEGIN(bugprone-unsafe-functions,clang-analyzer-unix.Vfork): as above.
    if (vfork() == 0) {
      board->ready = 1;
      while (board->done == 0) usleep(1000);
      _exit(0);
    }
    // NOLINTEND(bugprone-unsafe-functions,clang-analyzer-unix.Vfork)
    beat(*board);
  });
  ASSERT_TRUE(eventually([&] { return board->ready == 1 && states(target.pid()) == "D"; }));
  auto freeze = test::stop(target.pid(), 100ms);
  ASSERT_FALSE(freeze);
  EXPECT_EQ(freeze.error().cause, Cause::kLimit);
  board->done = 1;
  EXPECT_TRUE(beats_on(*board));
}

}  // namespace
}  // namespace strata
