#include "base/number.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

TEST(TakeHex, TakesWhatIsThereAndLeavesTheRest) {
  std::string_view text = "7ffd5a1c2e40-7FFD5A1C3000 rw";
  std::uint64_t value = 0;
  ASSERT_TRUE(take_hex(text, value));
  EXPECT_EQ(value, 0x7ffd5a1c2e40u);
  EXPECT_EQ(text, "-7FFD5A1C3000 rw");
}

TEST(TakeHex, HoldsAllOf64BitsAndNoMore) {
  std::string_view most = "ffffffffffffffff", more = "10000000000000000",
                   zeros = "0000000000000000001";
  std::uint64_t value = 0;
  EXPECT_TRUE(take_hex(most, value));
  EXPECT_EQ(value, ~0ull);
  EXPECT_FALSE(take_hex(more, value));
  EXPECT_TRUE(take_hex(zeros, value));
  EXPECT_EQ(value, 1u);
}

TEST(TakeHex, RefusesWhatIsNoNumber) {
  for (std::string_view text : {"", "-1", " 1", "x", "g"}) {
    std::uint64_t value = 0;
    EXPECT_FALSE(take_hex(text, value)) << text;
  }
}

}  // namespace
}  // namespace strata
