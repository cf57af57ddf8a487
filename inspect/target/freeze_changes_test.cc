// A target that changes while it is being stopped: threads come and go, it ends, it execs.

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <csignal>
#include <thread>

#include "inspect/target/freeze.h"
#include "inspect/target/test_child.h"

namespace strata {
namespace {

using namespace std::chrono_literals;
using namespace test;

TEST(Freeze, threads_that_come_and_go_are_all_stopped) {
  Shared<Board> board;
  const Child target([&] {
    for (int i = 0; i < 3; ++i) {
      std::thread([&] {
        for (;;) std::thread([&] { board->beats++; }).join();
      }).detach();
    }
    for (;;) pause();
  });
  ASSERT_TRUE(beats_on(*board));
  for (int i = 0; i < 100; ++i) {
    auto freeze = test::stop(target.pid(), kLong);
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
  auto freeze = test::stop(target.pid(), kLong);
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
    auto freeze = test::stop(target, kLong);
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
  auto freeze = test::stop(target.pid(), kLong);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  kill(target.pid(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return !freeze->holds(); }));
  const int status = target.end();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

}  // namespace
}  // namespace strata
