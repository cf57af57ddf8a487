#include "inspect/heap/glibc/mmapped_choice.h"

#include <gtest/gtest.h>

namespace strata::glibc {
namespace {

MmappedCandidate candidate(std::uint64_t start, Bytes size) {
  return {range_of(Address{start}, size), true};
}

TEST(MmappedChoice, WhatAddsUpIsChosen) {
  const std::vector<MmappedCandidate> all{candidate(0x10000, 8_KiB), candidate(0x20000, 12_KiB),
                                          candidate(0x30000, 20_KiB)};
  EXPECT_EQ(choose_by_count(all, 3, 40_KiB)->size(), 3u);
  const auto two = choose_by_count(all, 2, 28_KiB);
  ASSERT_TRUE(two);
  EXPECT_EQ(*two, (std::vector<Range>{all[0].range, all[2].range}));
  EXPECT_FALSE(choose_by_count(all, 2, 4_KiB));
  EXPECT_FALSE(choose_by_count(all, 4, 40_KiB));
}

TEST(MmappedChoice, TwinsAreNotChosenBetween) {
  const std::vector<MmappedCandidate> all{candidate(0x10000, 8_KiB), candidate(0x20000, 8_KiB),
                                          candidate(0x30000, 20_KiB)};
  EXPECT_EQ(*choose_by_count(all, 2, 28_KiB), (std::vector<Range>{all[2].range}));
}

TEST(MmappedChoice, AmongMoreThanAreCountedNoneIsClaimedThatMayBeAnother) {
  std::vector<MmappedCandidate> all;
  for (std::uint64_t i = 1; i <= 64; ++i) all.push_back(candidate(i << 20, 8_KiB));
  EXPECT_EQ(choose_by_count(all, 32, 256_KiB), std::vector<Range>{});
  // What is larger than all that is left over cannot be left out.
  all.push_back(candidate(0x90000000, 40_MiB));
  EXPECT_EQ(choose_by_count(all, 33, 40_MiB + 256_KiB), std::vector<Range>{all.back().range});
}

TEST(MmappedChoice, HostileCandidatesEndInAnAnswer) {
  // A different size each, and a sum that most of the combinations come near to.
  std::vector<MmappedCandidate> all;
  Bytes sum;
  for (std::uint64_t i = 1; i <= 20'000; ++i) {
    all.push_back(candidate(i << 36, Bytes{i << 12}));
    sum += all.back().range.size();
  }
  all.push_back(candidate(20'001ull << 36, 16_GiB));
  const auto chosen = choose_by_count(all, 10'001, Bytes{sum.value / 2} + 16_GiB);
  ASSERT_TRUE(chosen);
  for (const Range& range : *chosen) EXPECT_NE(range.start.value, 1ull << 36);
  // An exact hit hidden among as many: all of them stay possible, and it returns.
  std::vector<MmappedCandidate> twins;
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    twins.push_back(candidate(i << 28, 128_KiB + Bytes{i % 2 << 12}));
  }
  const auto none = choose_by_count(twins, 50'000, 132_KiB * 50'000);
  EXPECT_TRUE(!none || none->size() <= 50'000);
}

}  // namespace
}  // namespace strata::glibc
