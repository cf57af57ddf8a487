#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made_strata.h"

namespace strata {
namespace {

TEST(StrataFreeKept, IsWhatMallocTrimWouldGiveBack) {
  EXPECT_FALSE(check_strata_free_kept(Explanation{}));
  MadeExplanation e;
  add_strata(e, {.live = 4_MiB,
                 .pinned = 5_MiB,
                 .releasable = 1_MiB,
                 .dirty_units = 2_MiB,
                 .clean_units = 1_MiB,
                 .dirty_runs = 3_MiB});
  const auto finding = check_strata_free_kept(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 6_MiB);
  EXPECT_NE(finding->text.find("2.0 MiB in units that no blocks are in, 3.0 MiB in runs of pages, "
                               "1.0 MiB between blocks. malloc's own thread does not run now"),
            std::string::npos)
      << finding->text;
  EXPECT_NE(finding->action.find("gdb -p 4242"), std::string::npos);
  EXPECT_EQ(finding->action.find("background:0"), std::string::npos);
}

TEST(StrataFreeKept, SaysWhoGivesItBackOrForbidsIt) {
  MadeExplanation e;
  auto& contents = add_strata(e, {.live = 4_MiB, .dirty_units = 2_MiB});
  contents.table.background = 0;
  auto finding = check_strata_free_kept(*e);
  ASSERT_TRUE(finding);
  EXPECT_NE(finding->text.find("background:0 forbids the thread"), std::string::npos);
  EXPECT_NE(finding->action.find("Or run it without background:0."), std::string::npos);
  contents.table.decay = 0;
  finding = check_strata_free_kept(*e);
  ASSERT_TRUE(finding);
  EXPECT_NE(finding->text.find("decay:0 forbids to give it back, but by"), std::string::npos);
  EXPECT_NE(finding->action.find("Or run it without decay:0."), std::string::npos);
  contents.table.background = 1;
  contents.table.decay = 4000;
  Thread thread;
  thread.name = "strata-malloc";
  e->space.threads.push_back(thread);
  finding = check_strata_free_kept(*e);
  ASSERT_TRUE(finding);
  EXPECT_NE(
      finding->text.find("malloc's own thread runs, and gives back what stays free for 4000 ms."),
      std::string::npos);
  EXPECT_EQ(finding->action, "Nothing, or look again in some seconds.");
}

TEST(StrataFreeKept, PagesOfNamedHeapsLieBetweenBlocksToo) {
  MadeExplanation e;
  auto& contents = add_strata(e, {.live = 4_MiB, .releasable = 1_MiB, .dirty_runs = 2_MiB});
  add_named_heap(e, contents, "parser", {.pinned = 1_MiB, .releasable = 3_MiB});
  const auto finding = check_strata_free_kept(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 6_MiB);
  EXPECT_NE(finding->text.find("2.0 MiB in runs of pages, 4.0 MiB between blocks."),
            std::string::npos)
      << finding->text;
}

TEST(StrataFreeKept, LittleIsNoFinding) {
  MadeExplanation e;
  add_strata(e, {.live = 40_MiB, .dirty_units = 1_MiB, .clean_units = 20_MiB});
  EXPECT_FALSE(check_strata_free_kept(*e));
}

}  // namespace
}  // namespace strata
