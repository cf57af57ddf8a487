#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

TEST(Swapped, IsSilentBelowATwentieth) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 19_MiB + 4_KiB, .swapped = 1_MiB - 4_KiB});
  EXPECT_FALSE(check_swapped(*e));
}

TEST(Swapped, NamesTheAccounts) {
  MadeExplanation e;
  e.add({.account = {"heap", "glibc"}, .resident = 19_MiB, .swapped = 768_KiB});
  e.add({.account = {"stacks"}, .swapped = 256_KiB});
  const auto finding = check_swapped(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 1_MiB);
  EXPECT_EQ(finding->text,
            "In swap; touching it waits for the disk. Mostly: heap / glibc 768.0 KiB, "
            "stacks 256.0 KiB.");
}

TEST(Swapped, SharedMemoryIsKnownFromSmapsAlone) {
  MadeExplanation e;
  e.add({.account = {"mapped"}, .resident = 10_MiB}).swapped = 2_MiB;
  const auto finding = check_swapped(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 2_MiB);
  EXPECT_NE(finding->text.find("2.0 MiB of it is shared memory."), std::string::npos);
}

}  // namespace
}  // namespace strata
