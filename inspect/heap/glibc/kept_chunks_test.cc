#include "inspect/heap/glibc/kept_chunks.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace strata::glibc {
namespace {

struct Kept {
  std::uint32_t chunk;
};

constexpr std::uint32_t kNoChunk = ~std::uint32_t{0};

TEST(KeptChunks, FindsEachThatWasKeptAndNoOther) {
  std::minstd_rand random(3);
  // Gaps of a few granules, of about a page, and of many pages.
  for (const std::uint32_t widest : {4u, 600u, 100'000u}) {
    for (const std::size_t size : {0u, 1u, 2u, 3u, 64u, 2000u}) {
      KeptChunks<Kept> kept;
      std::uint32_t at = 0;
      std::vector<std::uint32_t> numbers;
      for (std::size_t i = 0; i < size; ++i) {
        at += 2 + static_cast<std::uint32_t>(random() % widest) * 2;
        kept.push_back({at});
        numbers.push_back(at);
      }
      ASSERT_EQ(kept.size(), size);
      for (std::size_t i = 0; i < size; ++i) {
        ASSERT_EQ(kept.find(numbers[i]), i) << size << " up to " << widest << " apart";
        ASSERT_EQ(kept.find(numbers[i] + 1), size);
      }
      ASSERT_EQ(kept.find(0), size);
      ASSERT_EQ(kept.find(kNoChunk), size);
    }
  }
}

TEST(KeptChunks, LosesNothingElseWhereNumbersDoNotRise) {
  KeptChunks<Kept> kept;
  for (const std::uint32_t chunk : {1000u, 4u, 2000u}) kept.push_back({chunk});
  EXPECT_EQ(kept.find(2000), 2u);
  EXPECT_EQ(kept.find(kNoChunk), 3u);
  kept.clear();
  EXPECT_EQ(kept.find(2000), 0u);
  kept.push_back({2000});
  EXPECT_EQ(kept.find(2000), 0u);
}

}  // namespace
}  // namespace strata::glibc
