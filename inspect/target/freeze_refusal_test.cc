// What cannot be frozen, and that the error names the thing, the cause and the way out.

#include <gtest/gtest.h>
#include <sys/ptrace.h>

#include <thread>

#include "inspect/target/freeze.h"
#include "inspect/target/test_child.h"

namespace strata {
namespace {

using namespace std::chrono_literals;
using namespace test;

TEST(Freeze, another_tracer_is_named) {
  Shared<Board> board;
  Child target([&] { beat(*board); });
  const Child tracer([&] {
    prctl(PR_SET_NAME, "my\ndebugger");
    board->done = ptrace(PTRACE_SEIZE, target.pid(), nullptr, nullptr) == 0 ? 1 : 2;
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->done != 0; }));
  ASSERT_EQ(board->done, 1u);
  auto freeze = test::stop(target.pid(), kLong);
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
  const Child target([&] {
    std::thread([&] { beat(*board); }).detach();
    std::thread([&] {
      board->tid = gettid();
      for (;;) pause();
    }).detach();
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->tid != 0; }));
  const Child tracer([&] {
    board->done = ptrace(PTRACE_SEIZE, board->tid.load(), nullptr, nullptr) == 0 ? 1 : 2;
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->done == 1; }));
  auto freeze = test::stop(target.pid(), kLong);
  ASSERT_FALSE(freeze);
  EXPECT_EQ(freeze.error().cause, Cause::kPermission);
  EXPECT_EQ(tracer_of(target.pid(), target.pid()), 0);
  EXPECT_TRUE(beats_on(*board));
}

TEST(Freeze, another_users_process_is_refused_with_the_way_out) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  const Shared<Board> board;
  Child target([] { pause(); });
  Child strata([&] {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(1);
    auto freeze = test::stop(target.pid(), kLong);
    if (freeze) _exit(2);
    if (freeze.error().cause != Cause::kPermission) _exit(3);
    if (to_text(freeze.error()).find("belongs to user 0") == std::string::npos) _exit(4);
    if (freeze.error().help.find("sudo") == std::string::npos) _exit(5);
  });
  EXPECT_EQ(strata.end(), 0);
}

TEST(Freeze, what_has_ended_is_gone) {
  pid_t pid = 0;
  {
    const Child target([] { _exit(0); });
    pid = target.pid();
    ASSERT_TRUE(eventually([&] { return states(pid) == "Z"; }));
    auto freeze = test::stop(pid, kLong);
    ASSERT_FALSE(freeze);
    EXPECT_EQ(freeze.error().cause, Cause::kGone) << to_text(freeze.error());
  }
  auto freeze = test::stop(pid, kLong);
  ASSERT_FALSE(freeze);
  EXPECT_EQ(freeze.error().cause, Cause::kGone) << to_text(freeze.error());
}

TEST(Freeze, a_kernel_thread_is_unsupported) {
  if (geteuid() != 0 || read_proc(2, "comm") != "kthreadd\n") GTEST_SKIP() << "none to be seen";
  auto freeze = test::stop(2, kLong);
  ASSERT_FALSE(freeze);
  EXPECT_EQ(freeze.error().cause, Cause::kUnsupported) << to_text(freeze.error());
}

TEST(Freeze, itself_or_for_no_time_is_a_mistake) {
  const Child target([] { pause(); });
  EXPECT_EQ(test::stop(getpid(), kLong).error().cause, Cause::kUsage);
  EXPECT_EQ(test::stop(target.pid(), 0s).error().cause, Cause::kUsage);
  EXPECT_EQ(test::stop(target.pid(), -1s).error().cause, Cause::kUsage);
}

}  // namespace
}  // namespace strata
