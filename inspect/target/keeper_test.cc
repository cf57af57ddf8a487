// The keeper by itself: what it notes in its report, without the strata that reads it.
#include "inspect/target/keeper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <new>

#include "base/file.h"
#include "inspect/target/test_child.h"

namespace strata {
namespace {

using namespace test;

constexpr std::uint32_t kRoom = 64;

struct SharedReport {
  KeeperReport report{};
  KeptThread threads[kRoom]{};
  std::uint64_t vector_words[kRoom * kMostVectorWords]{};
  std::uint32_t index[2 * kRoom]{};
};

class Keeper : public testing::Test {
 protected:
  /// Runs a keeper on `tasks`, which is told to let go as soon as it has begun, until it ends.
  void run_keeper(const std::string& tasks, std::int64_t limit_ns) {
    KeeperReport& report = shared_->report;
    report.limit_ns = limit_ns;
    report.capacity = kRoom;
    report.index_mask = 2 * kRoom - 1;
    report.threads = shared_->threads;
    report.vector_words = shared_->vector_words;
    report.index = shared_->index;
    const File directory(open(tasks.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const File ours(ends[0]), theirs(ends[1]);
    const char words[] = {kStopWord, kEndWord};
    ASSERT_EQ(write(ours.fd(), words, sizeof(words)), 2);
    Child keeper([&] { keep(report, theirs.fd(), directory.fd()); });
    EXPECT_EQ(keeper.end(), 0);
  }

  Shared<SharedReport> shared_;
};

std::string tasks_of(pid_t pid) { return "/proc/" + std::to_string(pid) + "/task"; }

// Of a target that a signal had stopped, seizing alone makes the thread stand, however late it is.
TEST_F(Keeper, takes_no_thread_that_it_finds_late_for_a_new_one) {
  NEEDS_NO_FOREIGN_THREAD();
  Child target([] { pause(); });
  kill(target.pid(), SIGSTOP);
  ASSERT_TRUE(eventually([&] { return states(target.pid()) == "T"; }));
  run_keeper(tasks_of(target.pid()), 2);  // half of it is over before the first listing
  const KeeperReport& report = shared_->report;
  EXPECT_EQ(report.failure, KeeperFailure::kNone);
  EXPECT_EQ(report.thread_count, 1u);
  EXPECT_EQ(report.threads[0].stand, KeptThread::Stand::kStands);
  EXPECT_FALSE(report.still_appearing);
  EXPECT_GT(report.end_ns.load(), report.start_ns);
  EXPECT_TRUE(eventually([&] { return states(target.pid()) == "T"; })) << states(target.pid());
}

// The number of a thread that ended, gone to another process by the time it would be seized.
TEST_F(Keeper, touches_nobody_who_is_not_in_the_targets_directory) {
  Shared<Board> board;
  const Child innocent([&] { beat(*board); });
  std::string tasks = testing::TempDir() + "/strata_tasks_XXXXXX";
  ASSERT_NE(mkdtemp(tasks.data()), nullptr);
  // Listed, and not there when it is asked for.
  ASSERT_EQ(symlink("nowhere", (tasks + "/" + std::to_string(innocent.pid())).c_str()), 0);
  run_keeper(tasks, 1'000'000'000);
  std::filesystem::remove_all(tasks);
  EXPECT_EQ(shared_->report.failure, KeeperFailure::kGone);
  EXPECT_EQ(shared_->report.threads[0].stand, KeptThread::Stand::kGone);
  EXPECT_EQ(tracer_of(innocent.pid(), innocent.pid()), 0);
  EXPECT_TRUE(beats_on(*board));
}

}  // namespace
}  // namespace strata
