#include "base/humanised.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

TEST(Humanised, IsRightAtTheEdges) {
  EXPECT_EQ(humanised(0_B), "0 B");
  EXPECT_EQ(humanised(1_B), "1 B");
  EXPECT_EQ(humanised(1023_B), "1023 B");
  EXPECT_EQ(humanised(1_KiB), "1.0 KiB");
  EXPECT_EQ(humanised(1536_B), "1.5 KiB");
  // 1023.9 KiB is the last that is shown in KiB; 1024.0 KiB must not be.
  EXPECT_EQ(humanised(Bytes{1'048'474}), "1023.9 KiB");
  EXPECT_EQ(humanised(Bytes{1'048'524}), "1023.9 KiB");
  EXPECT_EQ(humanised(Bytes{1'048'525}), "1.0 MiB");
  EXPECT_EQ(humanised(Bytes{1'048'575}), "1.0 MiB");
  EXPECT_EQ(humanised(1_MiB), "1.0 MiB");
  EXPECT_EQ(humanised(Bytes{432'641'638}), "412.6 MiB");
  EXPECT_EQ(humanised(1024_GiB), "1.0 TiB");
  EXPECT_EQ(humanised(Bytes{~0ull}), "16.0 EiB");
}

TEST(Humanised, NeverShows1024OfAnyUnit) {
  for (int shift = 10; shift < 64; ++shift) {
    for (std::uint64_t back = 0; back < 200; ++back) {
      const std::string text = humanised(Bytes{(1ull << shift) - (back << (shift - 10))});
      EXPECT_FALSE(text.starts_with("1024")) << text;
    }
  }
}

}  // namespace
}  // namespace strata
