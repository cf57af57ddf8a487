#include "inspect/object/bands.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace strata {
namespace {

std::vector<std::size_t> places(const Bands& bands, std::span<const std::uint64_t> words) {
  std::vector<std::size_t> found;
  bands.each_in(words, [&](std::size_t i) { found.push_back(i); });
  return found;
}

TEST(Bands, FindEachWordThatIsInOne) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<Range> ranges;
    for (std::size_t i = 0; i < random() % 6 + 1; ++i) {
      // Up to the end of what there is, also beyond the half that is no negative number.
      const Address start{random() >> (random() % 40)};
      ranges.push_back(range_of(start, Bytes{random() % (std::uint64_t{1} << 34) + 1}));
    }
    const Bands bands(ranges);
    std::vector<std::uint64_t> words(random() % 400);
    for (std::uint64_t& word : words) {
      const Range& range = ranges[random() % ranges.size()];
      const std::uint64_t near[] = {range.start.value,
                                    range.start.value - 1,
                                    range.end.value,
                                    range.end.value - 1,
                                    0,
                                    ~std::uint64_t{0},
                                    random()};
      word = near[random() % std::size(near)];
    }
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const bool is_in_range = std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) {
        return r.contains(Address{words[i]});
      });
      if (is_in_range) {
        ASSERT_TRUE(bands.contain(words[i]));
      }
      if (bands.contain(words[i])) expected.push_back(i);
    }
    ASSERT_EQ(places(bands, words), expected) << "round " << round;
  }
}

TEST(Bands, OfNothingHoldNothing) {
  const Bands bands;
  const std::vector<std::uint64_t> words(200, 0);
  EXPECT_TRUE(places(bands, words).empty());
  EXPECT_TRUE(places(Bands(std::vector<Range>{}), words).empty());
}

TEST(Bands, ThatLieFarApartLeaveOutWhatIsBetween) {
  const Bands bands({{Address{0x555500000000}, Address{0x555600000000}},
                     {Address{0x7f0000000000}, Address{0x7f0100000000}}});
  EXPECT_TRUE(bands.contain(0x555512345678));
  EXPECT_TRUE(bands.contain(0x7f0012345678));
  EXPECT_FALSE(bands.contain(0x600000000000));
}

}  // namespace
}  // namespace strata
