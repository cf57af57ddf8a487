#include "inspect/heap/glibc/near_search.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace strata::glibc {
namespace {

struct Kept {
  std::uint32_t chunk;
};

TEST(FindNear, FindsWhatIsThereFromEverywhere) {
  std::minstd_rand random(3);
  for (const std::size_t size : {0u, 1u, 2u, 3u, 7u, 64u, 257u}) {
    std::vector<Kept> kept;
    std::uint32_t at = 0;
    for (std::size_t i = 0; i < size; ++i)
      kept.push_back({at += 2 + static_cast<std::uint32_t>(random() % 5) * 2});
    for (std::size_t near = 0; near <= size; ++near) {
      for (std::size_t i = 0; i < size; ++i) {
        ASSERT_EQ(find_near(kept, kept[i].chunk, near), i) << size << " from " << near;
        ASSERT_EQ(find_near(kept, kept[i].chunk + 1, near), size);
      }
      ASSERT_EQ(find_near(kept, 0, near), size);
      ASSERT_EQ(find_near(kept, ~std::uint32_t{0}, near), size);
    }
  }
}

}  // namespace
}  // namespace strata::glibc
