#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_huge(Bytes huge) {
  MadeExplanation e;
  e.add({.account = {"heap", "glibc"}, .resident = 80_MiB, .huge = huge});
  return e;
}

TEST(HugePages, IsSilentBelowATwentieth) { EXPECT_FALSE(check_huge_pages(*with_huge(2_MiB))); }

TEST(HugePages, UncountedItPointsToCountZero) {
  const auto finding = check_huge_pages(*with_huge(4_MiB));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 4_MiB);
  EXPECT_EQ(finding->kind, Finding::Kind::kExplains);
  EXPECT_EQ(finding->text,
            "In 2 huge pages: where a byte of one is touched, all 2 MiB are resident. "
            "Mostly: heap / glibc 4.0 MiB.");
  EXPECT_NE(finding->action.find("--count-zero"), std::string::npos);
}

TEST(HugePages, CountedItSaysWhatIsZero) {
  auto e = with_huge(40_MiB);
  e->huge_contents = HugeContents{40_MiB, 30_MiB, 0_B};
  const auto finding = check_huge_pages(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 30_MiB);
  EXPECT_EQ(finding->kind, Finding::Kind::kCosts);
  EXPECT_NE(
      finding->text.find("Of 40.0 MiB in huge pages 30.0 MiB is zero, 75 % of what was read:"),
      std::string::npos);
}

TEST(HugePages, UsedOnesCallForNothing) {
  auto e = with_huge(40_MiB);
  e->huge_contents = HugeContents{38_MiB, 4_MiB - 4_KiB, 2_MiB};
  const auto finding = check_huge_pages(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->kind, Finding::Kind::kExplains);
  EXPECT_NE(finding->text.find("2.0 MiB could not be"), std::string::npos);
  EXPECT_EQ(finding->saves, "Nothing.");
}

}  // namespace
}  // namespace strata
