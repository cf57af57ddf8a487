#include "malloc/chance.h"

#include <gtest/gtest.h>

#include <cmath>

namespace strata::alloc {
namespace {

TEST(Chance, IsWhatTheMathematicalLibrarySays) {
  for (double number = 1e-9; number < 100; number *= 1.01) {
    EXPECT_NEAR(chance_within(number) / -std::expm1(-number), 1, 1e-12) << number;
    EXPECT_NEAR(log_of(number), std::log(number), 1e-12 * (1 + std::abs(std::log(number))));
  }
  EXPECT_EQ(chance_within(0), 0);
  EXPECT_EQ(log_of(1), 0);
}

TEST(Chance, GapsAreOfTheMeanThatIsAskedFor) {
  constexpr std::uint64_t kMean = 524'288;
  constexpr int kGaps = 100'000;
  double sum = 0, beyond = 0;
  for (int i = 0; i < kGaps; ++i) {
    const std::int64_t gap = draw_gap(mix(static_cast<std::uint64_t>(i)), kMean);
    ASSERT_GE(gap, 0);
    sum += static_cast<double>(gap);
    beyond += gap > static_cast<std::int64_t>(kMean);
  }
  // Both within six standard deviations; the seed is fixed.
  EXPECT_NEAR(sum / kGaps / kMean, 1, 6 / std::sqrt(kGaps));
  EXPECT_NEAR(beyond / kGaps, std::exp(-1), 6 * std::sqrt(0.2325 / kGaps));
}

TEST(Chance, NoGapIsTooLongToCount) {
  EXPECT_GT(draw_gap(0, ~std::uint64_t{0}), 0);
  EXPECT_EQ(draw_gap(~std::uint64_t{0}, ~std::uint64_t{0}), 0);
}

}  // namespace
}  // namespace strata::alloc
