#include "inspect/object/strata_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "inspect/heap/strata/table_fake.h"

namespace strata {
namespace {

using strata_malloc::TableFake;

/// The blocks of a fake, and the map that they make.
struct Blocks {
  explicit Blocks(TableFake& fake) : memory(fake.memory, nullptr) {
    const HeapScene scene{fake.space, memory, chart};
    Peek peek(scene);
    auto table = strata_malloc::find_table(peek, fake.space, doubts);
    blocks.emplace(fake.space, memory, std::move(*table), doubts);
    map = BlockMap::make(blocks->ground());
    references.emplace(*map);
    blocks->read(*map, *references);
    blocks->settle(*map);
    references->resolve();
  }
  BlockMap::Found at(Address address) const { return map->find(map->place_of(address.value)); }

  PresentMemory memory;
  Chart chart;
  std::vector<std::string> doubts;
  std::optional<StrataBlocks> blocks;
  std::optional<BlockMap> map;
  std::optional<References> references;
};

TEST(StrataBlocks, AreLiveByTheirStates) {
  TableFake fake;
  fake.put(TableFake::kStates + 6_B, char(0x42));  // marked: of a sample
  const Blocks blocks(fake);
  std::set<Bytes> sizes;
  std::size_t count = 0;
  blocks.map->each_live([&](BlockNumber block) {
    ++count;
    sizes.insert(blocks.map->usable(block));
    EXPECT_EQ(blocks.map->usable(block), blocks.map->chunk(block).size());
  });
  EXPECT_EQ(count, 200u + 1024 + 48 + 2);
  EXPECT_EQ(sizes, (std::set<Bytes>{16_B, 48_B, 4096_B, 20_KiB, 40_KiB}));
  for (const Bytes offset : {0_B, 96_B, 48_B * 199}) {
    EXPECT_TRUE(blocks.at(TableFake::kAll + offset).exact);
    EXPECT_FALSE(blocks.at(TableFake::kAll + offset + 47_B).exact);
    EXPECT_EQ(blocks.map->user(blocks.at(TableFake::kAll + offset + 47_B).block),
              TableFake::kAll + offset);
  }
}

TEST(StrataBlocks, AreNotWhatIsFreeCachedNeverCutOrBehindTheLast) {
  TableFake fake;
  const Blocks blocks(fake);
  const Address nobodys[] = {
      TableFake::kAll + 48_B * 200,    // free
      TableFake::kAll + 48_B * 295,    // in a thread's cache
      TableFake::kAll + 48_B * 320,    // never cut
      TableFake::kAll + 16_KiB - 8_B,  // the span's end
      TableFake::kAll + 32_KiB,        // a free unit
      TableFake::kAll + 64_KiB,        // behind the frontier
      TableFake::kMedium,              // cached
      TableFake::kRuns,                // page 0
      TableFake::kRuns + 24_KiB,       // a free run
      TableFake::kStates,
      TableFake::kMetadata,
  };
  for (const Address address : nobodys) {
    EXPECT_EQ(blocks.at(address).block, BlockMap::kNowhere) << std::hex << address.value;
  }
  EXPECT_TRUE(blocks.at(TableFake::kRuns + 4_KiB).exact);
  EXPECT_NE(blocks.at(TableFake::kRuns + 24_KiB - 1_B).block, BlockMap::kNowhere);
}

TEST(StrataBlocks, TakeTheReservationTheTableAndTheLibrarysVariablesForTheirOwn) {
  TableFake fake;
  const Blocks blocks(fake);
  const std::vector<Range> own = blocks.blocks->own();
  const auto is_own = [&](Address address) {
    return std::any_of(own.begin(), own.end(), [&](Range r) { return r.contains(address); });
  };
  // Each of these holds the address of the first block, or of slots that hold others'.
  EXPECT_TRUE(is_own(TableFake::kTable + 24_B));
  EXPECT_TRUE(is_own(TableFake::kFrontiers));
  EXPECT_TRUE(is_own(TableFake::kMetadata + 1_KiB));
  EXPECT_FALSE(is_own(TableFake::kStatic));
  EXPECT_FALSE(is_own(TableFake::kArenas));
}

TEST(StrataBlocks, WhatCannotBeMadeOutIsLostAndNoBlock) {
  TableFake fake;
  fake.memory.absent.insert(TableFake::kMediumStates);
  const Blocks blocks(fake);
  EXPECT_EQ(blocks.blocks->lost(), (std::vector<Range>{range_of(TableFake::kMedium, 256_KiB)}));
  EXPECT_EQ(blocks.at(TableFake::kMedium + 4_KiB).block, BlockMap::kNowhere);
  EXPECT_EQ(blocks.blocks->notes().size(), 1u);
}

TEST(StrataBlocks, WordsInThemLeadToOthers) {
  TableFake fake;
  // The first page of small blocks, of which the third leads to a run, to itself and to a free one.
  std::vector<std::uint64_t> words(512);
  words[12] = TableFake::kRuns.value + 8192;
  words[13] = TableFake::kAll.value + 96;
  words[14] = TableFake::kAll.value + 48 * 250;
  words[15] = TableFake::kMedium.value + 4096;
  fake.memory.parts[TableFake::kAll] = words;
  const Blocks blocks(fake);
  std::vector<std::pair<Address, bool>> seen;
  blocks.references->of(blocks.at(TableFake::kAll + 96_B).block, [&](BlockMap::Found found) {
    seen.emplace_back(blocks.map->user(found.block), found.exact);
  });
  const std::vector<std::pair<Address, bool>> wanted{{TableFake::kRuns + 4_KiB, false},
                                                     {TableFake::kMedium + 4_KiB, true}};
  EXPECT_EQ(seen, wanted);
}

}  // namespace
}  // namespace strata
