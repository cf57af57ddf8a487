#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_faults(Bytes faulted, std::uint64_t major) {
  MadeExplanation e;
  e.add({.account = {"heap", "glibc", "main arena"}, .resident = 64_MiB});
  e->moment.after.peak_resident = 80_MiB;
  e->moment.after.minor_faults = faulted / page_size();
  e->moment.after.major_faults = major;
  return e;
}

TEST(Faults, IsSilentBelowFourTimesThePeak) {
  EXPECT_FALSE(check_faults(*with_faults(320_MiB - 4_KiB, 999)));
}

TEST(Faults, ManyMinorOnesAreMemoryTakenAnew) {
  const auto finding = check_faults(*with_faults(320_MiB, 0));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 320_MiB);
  EXPECT_NE(finding->text.find("81920 minor faults brought in at least 320.0 MiB since it began, 4 "
                               "times its peak of 80.0 MiB"),
            std::string::npos);
  EXPECT_NE(finding->action.find("mmap_threshold"), std::string::npos);
}

TEST(Faults, ASmallPeakAloneIsNoCycle) {
  auto e = with_faults(256_MiB - 4_KiB, 0);
  e->moment.after.peak_resident = 1_MiB;
  EXPECT_FALSE(check_faults(*e));
}

TEST(Faults, ManyMajorOnesAreWaits) {
  const auto finding = check_faults(*with_faults(0_B, 1000));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, page_size() * 1000);
  EXPECT_NE(finding->text.find("1000 major faults"), std::string::npos);
}

TEST(Faults, BothAreOneFinding) {
  const auto finding = check_faults(*with_faults(320_MiB, 1000));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 320_MiB + page_size() * 1000);
}

}  // namespace
}  // namespace strata
