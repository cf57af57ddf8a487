#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made_strata.h"

namespace strata {
namespace {

TEST(StrataSpansPinned, SaysWhichClassesAndHowFullTheyAre) {
  EXPECT_FALSE(check_strata_spans_pinned(Explanation{}));
  MadeExplanation e;
  auto& contents = add_strata(e, {.live = 1_MiB, .cached = 1_MiB, .pinned = 6_MiB});
  contents.tally.classes[2].fills = {0, 30, 1, 0, 0, 0};
  const auto finding = check_strata_spans_pinned(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 6_MiB);
  EXPECT_EQ(
      finding->text,
      "Free blocks of the Strata malloc on pages that live or cached ones share: 48 B blocks "
      "6.0 MiB, their spans 12 % live. Of 30 spans less than a quarter is live. New blocks of "
      "the same sizes are put there first.");
  EXPECT_EQ(finding->saves, "At most 6.0 MiB; malloc_trim(0) gives back none of it.");
}

TEST(StrataSpansPinned, CountsNamedHeapsToo) {
  MadeExplanation e;
  auto& contents = add_strata(e, {.live = 4_MiB, .pinned = 1_MiB});
  add_named_heap(e, contents, "parser", {.live = 1_MiB, .pinned = 2_MiB, .releasable = 1_MiB});
  const auto finding = check_strata_spans_pinned(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 3_MiB);
  EXPECT_NE(finding->text.find("48 B blocks 3.0 MiB"), std::string::npos) << finding->text;
}

TEST(StrataSpansPinned, WhatCanGoBackIsNotPinned) {
  MadeExplanation e;
  add_strata(e, {.live = 4_MiB, .pinned = 100_KiB, .releasable = 20_MiB});
  EXPECT_FALSE(check_strata_spans_pinned(*e));
}

}  // namespace
}  // namespace strata
