#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_threads(int count, Bytes used, Bytes below) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 1_MiB});
  for (int i = 0; i < count; ++i) {
    const std::string name = fmt::format("worker ({})", 100 + i);
    e.add({.account = {"stacks", name, "used"}, .resident = used});
    if (below > 0_B) {
      e.add({.account = {"stacks", name, "below the stack pointer"}, .resident = below});
    }
    Thread thread;
    thread.tid = 100 + i;
    e->space.threads.push_back(thread);
    Stack stack;
    stack.tid = thread.tid;
    stack.range = range_of(Address{0x1000}, 8_MiB);
    e->space.stacks.push_back(stack);
  }
  e->beside.kernel_stacks = 16_KiB * static_cast<std::uint64_t>(count);
  return e;
}

TEST(ThreadStacks, FewShallowThreadsAreSilent) {
  EXPECT_FALSE(check_thread_stacks(*with_threads(15, 64_KiB, 0_B)));
}

TEST(ThreadStacks, SaysWhatOneCosts) {
  const auto finding = check_thread_stacks(*with_threads(16, 8_KiB, 0_B));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 384_KiB);
  EXPECT_EQ(
      finding->text,
      "16 threads with 128.0 KiB of stack touched, 128.0 MiB reserved, and 256.0 KiB of "
      "kernel stacks beside RSS. On average one costs 24.0 KiB: 8.0 KiB of stack, 16.0 KiB in "
      "the kernel.");
  EXPECT_EQ(finding->saves, "On average 24.0 KiB a thread.");
}

TEST(ThreadStacks, DeepCallsLeavePagesBelow) {
  EXPECT_FALSE(check_thread_stacks(*with_threads(1, 8_KiB, 512_KiB - 4_KiB)));
  const auto finding = check_thread_stacks(*with_threads(1, 8_KiB, 512_KiB));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 512_KiB);
  EXPECT_NE(finding->text.find("most in stacks / worker (100): 512.0 KiB"), std::string::npos);
  EXPECT_EQ(finding->saves, "512.0 KiB below the stack pointers.");
}

}  // namespace
}  // namespace strata
