#include "malloc/size_class.h"

#include <gtest/gtest.h>

namespace strata::alloc {
namespace {

TEST(SizeClass, IsTheSmallestThatHolds) {
  for (std::size_t bytes = 0; bytes <= kMostMedium; ++bytes) {
    const unsigned c = class_of(bytes);
    ASSERT_GE(size_of_class(c), bytes);
    ASSERT_TRUE(c == 1 || size_of_class(c - 1) < bytes) << bytes;
    ASSERT_EQ(is_small(c), bytes <= kMostSmall) << bytes;
  }
}

TEST(SizeClass, WastesAtMostAFifth) {
  for (std::size_t bytes = 128; bytes <= kMostMedium; ++bytes) {
    ASSERT_LE(size_of_class(class_of(bytes)) - bytes, size_of_class(class_of(bytes)) / 5 + 16);
  }
}

TEST(SizeClass, IsAMultipleOfItsGranule) {
  for (unsigned c = 1; c < kClasses; ++c) {
    EXPECT_EQ(size_of_class(c) % (is_small(c) ? kGranule : kMediumGranule), 0u) << c;
  }
}

}  // namespace
}  // namespace strata::alloc
