// That the target is let go whatever happens to strata or to the keeper, and that nothing of either
// is left behind. A stand-in, forked by the test, plays the strata that comes to harm.

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "inspect/target/freeze.h"
#include "inspect/target/test_child.h"

namespace strata {
namespace {

using namespace std::chrono_literals;
using namespace test;

class FreezeKeeper : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(beats_on(*board_)); }

  /// For the stand-in: freezes the target and stays so.
  void freeze_and_stay(Freeze::Duration limit) {
    auto freeze = stop_in_the_end(target_.pid(), limit);
    board_->ready = freeze ? 1 : 2;
    for (;;) pause();
  }
  bool freezes() {
    return eventually([&] { return board_->ready != 0; }) && board_->ready == 1;
  }
  bool let_go() {
    return eventually([&] { return runs_free(target_.pid()); }) && beats_on(*board_);
  }
  /// The process that holds the target. Never 0, which kill() takes for all of ours.
  pid_t keeper() {
    const pid_t by = tracer_of(target_.pid(), target_.pid());
    EXPECT_GT(by, 0);
    return by > 0 ? by : 1 << 30;
  }

  Shared<Board> board_;
  Child target_{[this] {
    std::thread([this] { beat(*board_); }).detach();
    for (;;) pause();
  }};
};

TEST_F(FreezeKeeper, lets_go_when_strata_is_killed) {
  NEEDS_NO_FOREIGN_THREAD();
  const Child strata([&] { freeze_and_stay(kLong); });
  ASSERT_TRUE(freezes());
  ASSERT_EQ(states(target_.pid()), "tt");
  kill(strata.pid(), SIGKILL);
  EXPECT_TRUE(let_go());
}

TEST_F(FreezeKeeper, lets_go_at_the_limit_when_strata_is_stopped) {
  Child strata([&] { freeze_and_stay(4s); });
  ASSERT_TRUE(freezes());
  kill(strata.pid(), SIGSTOP);
  EXPECT_TRUE(eventually([&] { return states(strata.pid())[0] == 'T'; }));
  EXPECT_TRUE(let_go());
  EXPECT_EQ(states(strata.pid())[0], 'T');
}

TEST_F(FreezeKeeper, is_killed_by_the_kernel_when_it_is_stopped_and_strata_too) {
  const Child strata([&] { freeze_and_stay(4s); });
  ASSERT_TRUE(freezes());
  const pid_t held_by = keeper();
  ASSERT_GT(held_by, 0);
  kill(held_by, SIGSTOP);
  kill(strata.pid(), SIGSTOP);
  EXPECT_TRUE(let_go());
  EXPECT_EQ(states(strata.pid())[0], 'T');
}

TEST_F(FreezeKeeper, killed_is_noticed) {
  auto freeze = test::stop(target_.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  kill(keeper(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return !freeze->holds(); }));
  EXPECT_TRUE(let_go());
  EXPECT_GT(freeze->release(), 0us);
  EXPECT_TRUE(freeze->stood_at_most());
}

TEST_F(FreezeKeeper, stopped_is_noticed_when_asked) {
  auto freeze = test::stop(target_.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  kill(keeper(), SIGSTOP);
  EXPECT_TRUE(eventually([&] { return !freeze->holds(); }));
  EXPECT_TRUE(let_go());
}

TEST_F(FreezeKeeper, stopped_is_noticed_on_release) {
  auto freeze = test::stop(target_.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  const pid_t held_by = keeper();
  kill(held_by, SIGSTOP);
  freeze->release();
  EXPECT_TRUE(runs_free(target_.pid()));
  EXPECT_TRUE(let_go());
  EXPECT_EQ(kill(held_by, 0), -1);
}

TEST_F(FreezeKeeper, is_deaf_to_the_terminal_and_to_polite_signals) {
  auto freeze = test::stop(target_.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  for (const int signal : {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGHUP, SIGTERM, SIGPIPE}) {
    kill(keeper(), signal);
  }
  usleep(20'000);
  EXPECT_TRUE(freeze->holds());
}

TEST_F(FreezeKeeper, has_its_own_name_and_session_and_no_file_of_stratas) {
  auto freeze = test::stop(target_.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  const pid_t held_by = keeper();
  EXPECT_EQ(read_proc(held_by, "comm"), "freeze-keeper\n");
  EXPECT_EQ(getsid(held_by), held_by);
  // Its channel, the target's task directory, a signalfd.
  EXPECT_EQ(list("/proc/" + std::to_string(held_by) + "/fd").size(), 3u);
}

TEST_F(FreezeKeeper, leaves_no_descriptor_mapping_or_child) {
  const auto count_maps = [] {
    const std::string maps = read_proc(getpid(), "maps");
    return std::count(maps.begin(), maps.end(), '\n');
  };
  for (int i = 0; i < 5; ++i) test::stop(target_.pid(), kLong).value().release();
  const std::size_t open = list("/proc/self/fd").size();
  const auto maps = count_maps();
  for (int i = 0; i < 100; ++i) {
    auto freeze = test::stop(target_.pid(), kLong);
    ASSERT_TRUE(freeze) << to_text(freeze.error());
    EXPECT_FALSE(test::stop(1 << 30, kLong));
    EXPECT_FALSE(test::stop(target_.pid(), kLong));  // traced by our own keeper
    if (i % 3 == 0) kill(keeper(), SIGKILL);
  }
  EXPECT_EQ(list("/proc/self/fd").size(), open);
  EXPECT_LT(count_maps(), maps + 50);  // the heap may have grown, but not by one a freeze
  std::size_t children = 0;
  while (waitpid(-1, nullptr, WNOHANG | __WCLONE) > 0) ++children;
  EXPECT_EQ(children, 0u);
}

// Threads of strata may hold any lock, malloc's above all, when the keeper is forked.
TEST_F(FreezeKeeper, is_forked_from_a_busy_strata) {
  Child strata([&] {
    for (int i = 0; i < 3; ++i) {
      std::thread([] {
        for (;;) {
          volatile auto* block = static_cast<char*>(std::malloc(64 + std::rand() % 4000));
          block[0] = 1;
          std::free(const_cast<char*>(block));
        }
      }).detach();
    }
    for (int i = 0; i < 40; ++i) {
      auto freeze = test::stop(target_.pid(), kLong);
      if (!freeze || !freeze->holds()) _exit(1);
    }
    _exit(0);
  });
  EXPECT_EQ(strata.end(), 0);
  EXPECT_TRUE(let_go());
}

// What strata's own program does with SIGCHLD and its children is not touched.
TEST_F(FreezeKeeper, sends_strata_no_signal) {
  Child strata([&] {
    std::signal(SIGCHLD, [](int) { _exit(1); });
    for (int i = 0; i < 20; ++i) {
      if (!test::stop(target_.pid(), kLong)) _exit(2);
    }
    std::signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 20; ++i) {
      if (!test::stop(target_.pid(), kLong)) _exit(3);
    }
    _exit(waitpid(-1, nullptr, 0) == -1 ? 0 : 4);
  });
  EXPECT_EQ(strata.end(), 0);
}

}  // namespace
}  // namespace strata
