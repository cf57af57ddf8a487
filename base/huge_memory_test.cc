#include "base/huge_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace strata {
namespace {

bool is_zeroed(const void* memory, std::size_t bytes) {
  const auto* const words = static_cast<const std::uint64_t*>(memory);
  return std::all_of(words, words + bytes / 8, [](std::uint64_t word) { return word == 0; });
}

TEST(HugeMemory, IsZeroedAndOnesOwn) {
  const ReadyMemory ready(5_MiB);  // three pages
  char* taken[4];
  for (std::size_t i = 0; i < 4; ++i) {  // the last one is more than was made ready
    taken[i] = static_cast<char*>(take_huge_memory(kHugePage));
    ASSERT_TRUE(is_zeroed(taken[i], kHugePage));
    std::fill_n(taken[i], kHugePage, static_cast<char>(i + 1));
  }
  EXPECT_EQ(taken[1], taken[0] + kHugePage);
  EXPECT_EQ(taken[2], taken[1] + kHugePage);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(std::count(taken[i], taken[i] + kHugePage, static_cast<char>(i + 1)),
              static_cast<std::ptrdiff_t>(kHugePage));
    give_back_huge_memory(taken[i], kHugePage);
  }
}

TEST(HugeMemory, OutlivesWhatMadeItReady) {
  char* taken = nullptr;
  {
    const ReadyMemory ready(8_MiB);
    taken = static_cast<char*>(take_huge_memory(2 * kHugePage));
    taken[0] = 7;
  }
  EXPECT_EQ(taken[0], 7);
  taken[2 * kHugePage - 1] = 7;
  give_back_huge_memory(taken, 2 * kHugePage);
  void* const behind = take_huge_memory(kHugePage);  // of none that was made ready
  EXPECT_TRUE(is_zeroed(behind, kHugePage));
  give_back_huge_memory(behind, kHugePage);
}

TEST(HugeMemory, OfMoreThanThereIsNothingIsMadeReady) {
  const ReadyMemory none(Bytes{std::uint64_t{1} << 62});
  void* const memory = take_huge_memory(kHugePage);
  EXPECT_TRUE(is_zeroed(memory, kHugePage));
  give_back_huge_memory(memory, kHugePage);
}

}  // namespace
}  // namespace strata
