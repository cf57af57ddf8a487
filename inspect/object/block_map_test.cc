#include "inspect/object/block_map.h"

#include <gtest/gtest.h>

#include "inspect/object/made_blocks.h"

namespace strata {
namespace {

constexpr auto kNowhere = BlockMap::kNowhere;

BlockMap::Found at(const BlockMap& map, Address address) {
  return map.find(map.place_of(address.value));
}

void expect_as_modelled(const MadeHeap& made, const BlockMap& map, Address address) {
  const Written* const wanted = made.find(address);
  const BlockMap::Found found = at(map, address);
  ASSERT_EQ(found.block != kNowhere, wanted != nullptr) << std::hex << address.value;
  if (wanted == nullptr) return;
  EXPECT_EQ(map.chunk(found.block), wanted->chunk) << std::hex << address.value;
  EXPECT_EQ(map.is_apart(found.block), wanted->is_apart);
  EXPECT_EQ(found.exact, address == wanted->user.start) << std::hex << address.value;
}

/// By the words themselves: whose each is.
void expect_owners_as_modelled(const MadeHeap& made, const BlockMap& map) {
  for (const Range& ground : made.ground.shared) {
    for (Address word = ground.start; word < ground.end; word = word + 8_B) {
      const auto half = word.value % 16 == 0 ? BlockMap::Half::kFirst : BlockMap::Half::kSecond;
      const BlockNumber owner = map.owner(map.number_of(round_down(word, 16_B)), half);
      const Written* const wanted = made.find(word);
      ASSERT_EQ(owner != kNowhere, wanted != nullptr) << std::hex << word.value;
      if (wanted != nullptr) ASSERT_EQ(map.chunk(owner), wanted->chunk) << std::hex << word.value;
    }
  }
}

void expect_live_as_modelled(const MadeHeap& made, const BlockMap& map) {
  std::vector<Range> live, wanted;
  map.each_live([&](BlockNumber block) {
    live.push_back(map.chunk(block));
    EXPECT_TRUE(made.written.contains(map.user(block)));
    if (!map.is_apart(block)) {
      const Address end = map.chunk(block).end;
      EXPECT_EQ(map.end(block) - block, map.chunk(block).size() / 16_B);
      if (map.number_of(end) != kNowhere && made.find(end + made.header()) != nullptr) {
        EXPECT_EQ(at(map, end + made.header()).block == map.end(block),
                  map.number_of(end) == map.end(block));
      }
    }
  });
  for (const auto& [user, block] : made.written) {
    if (!block.is_apart) wanted.push_back(block.chunk);
  }
  wanted.insert(wanted.end(), made.ground.apart.begin(), made.ground.apart.end());
  EXPECT_EQ(live, wanted);
}

class BlockMapOf : public testing::TestWithParam<int> {};

TEST_P(BlockMapOf, SmallBlocksAnswersForEachWordAsTheModel) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  for (int round = 0; round < 20; ++round) {
    const MadeHeap made = made_heap(random, 1 + below(random, 7), 150, {1 + below(random, 40)});
    const BlockMap map = made.map();
    for (const Range& range : made.surroundings()) {
      for (Address a = range.start; a < range.end; a = a + 8_B) {
        ASSERT_NO_FATAL_FAILURE(expect_as_modelled(made, map, a));
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_owners_as_modelled(made, map));
    expect_live_as_modelled(made, map);
  }
}

TEST_P(BlockMapOf, LargeBlocksAnswersForEachWordAsTheModel) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  const MadeHeap made = made_heap(random, 3, 50, {.most_granules = 20, .one_large_in = 6});
  const BlockMap map = made.map();
  for (const Range& range : made.surroundings()) {
    for (Address a = range.start; a < range.end; a = a + 8_B) {
      ASSERT_NO_FATAL_FAILURE(expect_as_modelled(made, map, a));
    }
  }
  ASSERT_NO_FATAL_FAILURE(expect_owners_as_modelled(made, map));
  expect_live_as_modelled(made, map);
}

TEST_P(BlockMapOf, AnyByteAnswersAsTheModel) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  const MadeHeap made = made_heap(random, 4, 50, {3});
  const BlockMap map = made.map();
  for (const Range& range : made.surroundings()) {
    for (Address a = range.start; a < range.end; a = a + 1_B) {
      ASSERT_NO_FATAL_FAILURE(expect_as_modelled(made, map, a));
    }
  }
}

TEST_P(BlockMapOf, BandsHoldAllThatIsFound) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  for (int round = 0; round < 20; ++round) {
    const MadeHeap made = made_heap(random, 1 + below(random, 12), 20, {20});
    const BlockMap map = made.map();
    for (const auto& [user, block] : made.written) {
      // The last word that a block has is another's first; where that is outside, nobody points.
      EXPECT_TRUE(map.bands().contain(user.value));
      EXPECT_TRUE(map.bands().contain(block.chunk.end.value - 1));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, BlockMapOf, testing::Range(1, 7));

TEST(BlockMap, NothingIsFoundInAnEmptyOne) {
  const MadeHeap made;
  const BlockMap map = made.map();
  for (const std::uint64_t word : {0ull, 8ull, 16ull, 0x5555'0000'0010ull, ~0ull, ~7ull}) {
    EXPECT_EQ(at(map, {word}).block, kNowhere) << word;
    EXPECT_FALSE(map.bands().contain(word)) << word;
  }
}

TEST(BlockMap, TheEndsOfTheAddressSpaceAreNowhere) {
  MadeHeap made;
  made.add_region({{{Address{0x1000}, Address{0x1040}}, kLive},
                   {{Address{0x1040}, Address{0x2000}}, kNotLive}});
  const BlockMap map = made.map();
  for (const std::uint64_t word : {0ull, 1ull, 15ull, 16ull, 17ull, ~0ull, ~15ull, ~16ull}) {
    EXPECT_EQ(at(map, {word}).block, kNowhere) << word;
  }
  EXPECT_TRUE(at(map, {0x1010}).exact);
}

TEST(BlockMap, ABlockOfManySummaryWordsIsFoundFromItsEnd) {
  MadeHeap made;
  constexpr Address kStart{0x7F00'0000'0000};
  // The summary's word stands for 64 KiB.
  const Range large = range_of(kStart + 32_B, 64_MiB);
  made.add_region(
      {{range_of(kStart, 32_B), kNotLive}, {large, kLive}, {range_of(large.end, 32_B), kNotLive}});
  const BlockMap map = made.map();
  for (const Bytes offset : {16_B, 24_B, 64_KiB - 8_B, 64_KiB, 64_KiB + 8_B, 32_MiB, 64_MiB}) {
    const BlockMap::Found found = at(map, large.start + offset);
    ASSERT_NE(found.block, kNowhere) << offset.value;
    EXPECT_EQ(map.chunk(found.block), large);
    EXPECT_EQ(found.exact, offset == 16_B);
  }
  EXPECT_EQ(at(map, large.end + 8_B).block, kNowhere) << "the next one's size";
  EXPECT_EQ(at(map, large.end + 16_B).block, kNowhere) << "the top";
  EXPECT_EQ(at(map, large.start + 8_B).block, kNowhere) << "its own size";
}

TEST(BlockMap, WithoutHeadersABlockIsAllItsBytes) {
  MadeHeap made(MadeHeap::Headers::kNone);
  constexpr Address kStart{0x2000'0000'0000};
  made.add_region({{range_of(kStart, 16_B), kLive},
                   {range_of(kStart + 16_B, 48_B), kLive},
                   {range_of(kStart + 64_B, 48_B), kNotLive},
                   {range_of(kStart + 112_B, 16_B), kLive},
                   {range_of(kStart + 128_B, 16_B), kNotLive}});
  made.add_apart(range_of(kStart + 1_MiB, 64_KiB));
  const BlockMap map = made.map();
  EXPECT_TRUE(at(map, kStart).exact);
  EXPECT_EQ(at(map, kStart + 15_B).block, at(map, kStart).block);
  EXPECT_TRUE(at(map, kStart + 16_B).exact);
  EXPECT_EQ(at(map, kStart + 63_B).block, at(map, kStart + 16_B).block);
  EXPECT_EQ(map.usable(at(map, kStart + 16_B).block), 48_B);
  EXPECT_EQ(at(map, kStart + 64_B).block, kNowhere);
  EXPECT_EQ(map.usable(at(map, kStart + 112_B).block), 16_B);
  EXPECT_EQ(at(map, kStart - 1_B).block, kNowhere);
  const BlockMap::Found apart = at(map, kStart + 1_MiB);
  EXPECT_TRUE(apart.exact);
  EXPECT_EQ(map.usable(apart.block), 64_KiB);
}

TEST(BlockMap, MoreThanCanBeNumberedIsRefused) {
  BlockGround ground;
  ground.shared = {range_of(Address{0x1'0000'0000}, 32_GiB),
                   range_of(Address{0x10'0000'0000}, 31_GiB)};
  EXPECT_TRUE(BlockMap::make(ground)) << "of 63 GiB";
  ground.shared[1].end = ground.shared[1].end + 1_GiB;
  EXPECT_FALSE(BlockMap::make(ground)) << "of 64 GiB";
}

TEST(BlockMap, AnArenaBeyondAllNumbersIsRefused) {
  BlockGround ground;
  ground.shared = {range_of(Address{0x1000}, Bytes{std::uint64_t{1} << 47})};
  EXPECT_FALSE(BlockMap::make(ground));
}

}  // namespace
}  // namespace strata
