#include "inspect/ledger/findings/kinship.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inspect/target/means.h"
#include "inspect/target/process.h"

namespace strata {
namespace {

constexpr std::size_t kPages = 64, kCopied = 16;

/// A child that has written the first pages of what it inherited.
class KinshipTest : public testing::Test {
 protected:
  KinshipTest() {
    const std::size_t size = kPages * page_size().value;
    memory_ = static_cast<char*>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(memory_, size, MADV_NOHUGEPAGE);
    write(kPages, 1);
    int done[2];
    EXPECT_EQ(pipe(done), 0);
    child_ = fork();
    if (child_ == 0) {
      write(kCopied, 2);
      const char byte = 0;
      if (::write(done[1], &byte, 1) != 1) _exit(1);
      for (;;) pause();
    }
    char byte;
    EXPECT_EQ(read(done[0], &byte, 1), 1);
    close(done[0]);
    close(done[1]);
  }
  ~KinshipTest() override {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    munmap(memory_, kPages * page_size().value);
  }

  void write(std::size_t pages, char value) {
    for (std::size_t i = 0; i < pages; ++i) memory_[i * page_size().value] = value;
  }
  Range range() const {
    return range_of(Address{reinterpret_cast<std::uint64_t>(memory_)}, page_size() * kPages);
  }
  const Relative* child_of(const std::vector<Relative>& relatives) const {
    for (const Relative& r : relatives) {
      if (r.pid == child_) return &r;
    }
    return nullptr;
  }

  char* memory_;
  pid_t child_;
};

TEST_F(KinshipTest, FindsTheChildAndFromItTheParent) {
  const auto own = find_relatives(getpid());
  ASSERT_NE(child_of(own), nullptr);
  EXPECT_EQ(child_of(own)->relation, Relation::kChild);
  const auto its = find_relatives(child_);
  ASSERT_FALSE(its.empty());
  EXPECT_EQ(its[0].pid, getpid());
  EXPECT_EQ(its[0].relation, Relation::kParent);
}

TEST_F(KinshipTest, TellsSharedFromParted) {
  if (!probe_means()->frames) GTEST_SKIP() << "page frames are hidden";
  auto self = Process::open(getpid());
  ASSERT_TRUE(self);
  const Range memory = range();
  const Kinship kinship = compare_relatives(**self, {*child_of(find_relatives(getpid()))},
                                            std::span(&memory, 1), 1_GiB);
  EXPECT_TRUE(kinship.by_frames);
  EXPECT_FALSE(kinship.one_address_space);
  EXPECT_EQ(kinship.compared, page_size() * kPages);
  EXPECT_EQ(kinship.shared, page_size() * (kPages - kCopied));
  EXPECT_EQ(kinship.relatives[0].shared, page_size() * (kPages - kCopied));
  EXPECT_EQ(kinship.relatives[0].parted, page_size() * kCopied);
  EXPECT_EQ(kinship.not_compared, 0_B);
}

TEST_F(KinshipTest, ComparesNoMoreThanItMay) {
  if (!probe_means()->frames) GTEST_SKIP() << "page frames are hidden";
  auto self = Process::open(getpid());
  ASSERT_TRUE(self);
  const Range memory = range();
  const Relative child = *child_of(find_relatives(getpid()));
  const Kinship kinship =
      compare_relatives(**self, {child, child}, std::span(&memory, 1), page_size() * 2 * kCopied);
  EXPECT_EQ(kinship.compared, page_size() * kCopied);
  EXPECT_EQ(kinship.shared, 0_B);
  EXPECT_EQ(kinship.not_compared, page_size() * (kPages - kCopied));
}

TEST_F(KinshipTest, ARelativeThatIsGoneSaysWhy) {
  auto self = Process::open(getpid());
  ASSERT_TRUE(self);
  Relative gone;
  gone.pid = 0x7FFFFFFF;
  const Range memory = range();
  const Kinship kinship = compare_relatives(**self, {gone}, std::span(&memory, 1), 1_GiB);
  EXPECT_FALSE(kinship.relatives[0].unread.empty());
  EXPECT_EQ(kinship.shared, 0_B);
}

}  // namespace
}  // namespace strata
