#include "inspect/heap/glibc/tally.h"

#include <gtest/gtest.h>

namespace strata::glibc {
namespace {

constexpr Address kStart{0x10000};

/// One arena of two regions; its top lies in the second.
class TallyTest : public testing::Test {
 protected:
  TallyTest() : tally_(1) {
    Arena arena;
    arena.top = kStart + 4_MiB;
    for (const Address start : {kStart - 0x1000_B, kStart}) {
      const Range range{start, start == kStart ? kStart + 5_MiB : kStart};
      arena.regions.push_back({range, range, ""});
    }
    heap_.arenas.push_back(arena);
  }
  void pass(ChunkState state, Bytes size) {
    tally_.add(0, {range_of(at_, size), state}, heap_);
    at_ = at_ + size;
  }
  const std::deque<Holder>& holders() const { return tally_.arena(0).holders; }

  Heap heap_;
  Tally tally_;
  Address at_ = kStart;
};

TEST_F(TallyTest, NeighboursInUseAreOneHolder) {
  pass(ChunkState::kLive, 64_B);
  pass(ChunkState::kBinned, 1_MiB);
  pass(ChunkState::kFast, 32_B);
  pass(ChunkState::kLive, 48_B);
  pass(ChunkState::kCached, 80_B);
  pass(ChunkState::kTop, 4_KiB);
  ASSERT_EQ(holders().size(), 2u);
  EXPECT_EQ(holders()[0].free_below, 0_B);
  EXPECT_EQ(holders()[1].free_below, 1_MiB + 32_B);
  EXPECT_EQ(holders()[1].chunks, 2u);
  EXPECT_EQ(holders()[1].range.size(), 128_B);
  EXPECT_EQ(holders()[1].highest.state, ChunkState::kCached);
  EXPECT_EQ(holders()[1].highest.range.size(), 80_B);
}

TEST_F(TallyTest, OnlyTheHighestAreKept) {
  for (std::uint64_t i = 1; i <= 100; ++i) {
    pass(ChunkState::kBinned, 32_B * i);
    pass(ChunkState::kLive, 32_B);
  }
  ASSERT_EQ(holders().size(), Tally::kHolders);
  EXPECT_EQ(holders().front().free_below, 32_B * (101 - Tally::kHolders));
  EXPECT_EQ(holders().back().free_below, 32_B * 100);
}

TEST_F(TallyTest, NothingBelowAFenceIsHeld) {
  for (const ChunkState barrier : {ChunkState::kFence, ChunkState::kLost}) {
    pass(ChunkState::kBinned, 1_MiB);
    pass(ChunkState::kLive, 32_B);
    pass(ChunkState::kBinned, 4_KiB);
    pass(barrier, 16_B);
    EXPECT_TRUE(holders().empty());
    pass(ChunkState::kLive, 32_B);
    ASSERT_EQ(holders().size(), 1u);
    EXPECT_EQ(holders()[0].free_below, 0_B);
  }
}

TEST_F(TallyTest, OtherRegionsThanTheTopsHaveNone) {
  at_ = kStart - 0x1000_B;
  pass(ChunkState::kBinned, 1_KiB);
  pass(ChunkState::kLive, 3_KiB);
  EXPECT_TRUE(holders().empty());
  pass(ChunkState::kLive, 32_B);
  ASSERT_EQ(holders().size(), 1u);
  EXPECT_EQ(holders()[0].free_below, 0_B);
}

}  // namespace
}  // namespace strata::glibc
