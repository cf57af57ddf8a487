#include "inspect/ledger/findings/figures.h"

#include <gtest/gtest.h>

#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

TEST(Figures, OneTwentiethIsWorthALine) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 18_MiB, .swapped = 2_MiB});
  EXPECT_EQ(held(*e), 20_MiB);
  EXPECT_TRUE(is_worth_a_line(1_MiB, *e));
  EXPECT_FALSE(is_worth_a_line(1_MiB - 1_B, *e));
}

TEST(Figures, LessThan128KibIsNeverWorthALine) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 256_KiB});
  EXPECT_TRUE(is_worth_a_line(128_KiB, *e));
  EXPECT_FALSE(is_worth_a_line(128_KiB - 1_B, *e));
}

TEST(Figures, NamesAreMadePrintable) {
  MadeExplanation e;
  e.add({.account = {"stacks", "a\x1B[2J\n"}, .resident = 4_KiB});
  const auto widest = widest_accounts(*e, [](const Measure& m) { return m.resident; }, 3);
  ASSERT_EQ(widest.size(), 1u);
  EXPECT_EQ(listed(*e, widest), "stacks / a\\x1B[2J\\n 4.0 KiB");
}

TEST(Figures, WidestAccountsComeFirstAndEmptyOnesNotAtAll) {
  MadeExplanation e;
  e.add({.account = {"a"}, .resident = 4_KiB});
  e.add({.account = {"b"}, .resident = 12_KiB});
  e.add({.account = {"c"}, .resident = 8_KiB});
  e.add({.account = {"d"}, .size = 1_GiB});
  const auto figure = [](const Measure& m) { return m.resident; };
  EXPECT_EQ(listed(*e, widest_accounts(*e, figure, 2)), "b 12.0 KiB, c 8.0 KiB");
  EXPECT_EQ(widest_accounts(*e, figure, 9).size(), 3u);
}

TEST(Figures, AMappingThatSmapsSawElsewhereIsLeftOut) {
  MadeExplanation e;
  e.add({.account = {"a"}, .resident = 4_KiB});
  MappingUsage& moved = e.add({.account = {"b"}, .resident = 4_KiB});
  moved.range = range_of(moved.range.end + 1_GiB, 4_KiB);
  int visited = 0;
  for_each_usage(*e, [&](const MappingUsage&, const Mapping&, const MappingEntry&) { ++visited; });
  EXPECT_EQ(visited, 1);
}

}  // namespace
}  // namespace strata
