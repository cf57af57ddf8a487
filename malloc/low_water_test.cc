#include "malloc/low_water.h"

#include <gtest/gtest.h>

namespace strata::alloc {
namespace {

TEST(LowWater, WhatStayedFreeForAllPeriodsIsUnneeded) {
  LowWater water;
  // It was free at the end of the first period, not at its beginning.
  for (unsigned i = 0; i < LowWater::kPeriods; ++i) EXPECT_EQ(water.end_period(100), 0u) << i;
  EXPECT_EQ(water.end_period(100), 100u);
}

TEST(LowWater, WhatWasTakenOnceIsNeededUntilThatPeriodIsPast) {
  LowWater water;
  for (unsigned i = 0; i < 2 * LowWater::kPeriods; ++i) water.end_period(100);
  water.fell_to(30);
  for (unsigned i = 0; i < LowWater::kPeriods; ++i) EXPECT_EQ(water.end_period(100), 30u) << i;
  EXPECT_EQ(water.end_period(100), 100u);
}

TEST(LowWater, WhatWasGivenBackIsOwedNoMore) {
  LowWater water;
  for (unsigned i = 0; i < 2 * LowWater::kPeriods; ++i) water.end_period(100);
  water.gave(60);
  EXPECT_EQ(water.end_period(40), 40u);
  water.gave(40);
  EXPECT_EQ(water.end_period(0), 0u);
}

}  // namespace
}  // namespace strata::alloc
