#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made_strata.h"

namespace strata {
namespace {

TEST(StrataCaches, LessThanAMebibyteIsNoFinding) {
  EXPECT_FALSE(check_strata_caches(Explanation{}));
  MadeExplanation e;
  add_strata(e, {.live = 1_MiB, .cached = 1_MiB - 4_KiB});
  EXPECT_FALSE(check_strata_caches(*e));
}

TEST(StrataCaches, SaysHowMuchAndWhoHasOne) {
  MadeExplanation e;
  auto& contents = add_strata(e, {.live = 1_MiB, .cached = 3_MiB});
  auto finding = check_strata_caches(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 3_MiB);
  EXPECT_EQ(finding->text.find("a cache:"), std::string::npos);
  contents.table.uses = {{false, 7}, {true, 8}, {false, 9}};
  finding = check_strata_caches(*e);
  ASSERT_TRUE(finding);
  EXPECT_NE(finding->text.find("2 threads have a cache: (7), (9)."), std::string::npos)
      << finding->text;
  contents.table.uses = {{false, 7}};
  EXPECT_NE(check_strata_caches(*e)->text.find("1 thread has a cache: (7)."), std::string::npos);
}

}  // namespace
}  // namespace strata
