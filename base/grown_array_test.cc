#include "base/grown_array.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace strata {
namespace {

struct Odd {
  std::uint32_t a;
  std::uint16_t b;
  bool operator==(const Odd&) const = default;
} __attribute__((packed));

TEST(GrownArray, HoldsWhatWasPutIn) {
  GrownArray<Odd> array;
  EXPECT_TRUE(array.empty());
  constexpr std::uint32_t kCount = 3'000'000;  // some segments
  std::vector<Odd> some;
  for (std::uint32_t i = 0; i < kCount;) {
    if (i % 3 == 0) {
      array.push_back({i, static_cast<std::uint16_t>(i)});
      ++i;
      continue;
    }
    some.clear();
    const std::uint32_t count = i % 1000 * 700;  // also more than is left of a segment
    for (std::uint32_t k = 0; k < count; ++k) {
      some.push_back({i + k, static_cast<std::uint16_t>(i + k)});
    }
    array.append(some);
    i += count;
    if (count == 0) ++i, array.push_back({i - 1, static_cast<std::uint16_t>(i - 1)});
  }
  ASSERT_GE(array.size(), kCount);
  for (std::uint32_t i = 0; i < array.size(); ++i) {
    ASSERT_EQ(array[i], (Odd{i, static_cast<std::uint16_t>(i)}));
  }
}

TEST(GrownArray, GrowsAgainAfterItShrank) {
  GrownArray<std::uint64_t> array;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) array.push_back(i);
  array.shrink(10);
  EXPECT_EQ(array.size(), 10u);
  for (std::uint64_t i = 0; i < 500'000; ++i) array.push_back(i * 2);
  EXPECT_EQ(array.size(), 500'010u);
  EXPECT_EQ(array[9], 9u);
  EXPECT_EQ(array[500'009], 999'998u);
  array.clear();
  EXPECT_TRUE(array.empty());
  array.push_back(7);
  EXPECT_EQ(array[0], 7u);
}

TEST(GrownArray, IsMovedWithItsElements) {
  GrownArray<std::uint32_t> array;
  array.push_back(5);
  GrownArray<std::uint32_t> other = std::move(array);
  EXPECT_EQ(other.size(), 1u);
  EXPECT_EQ(other[0], 5u);
}

}  // namespace
}  // namespace strata
