#include "inspect/heap/strata/samples.h"

#include <gtest/gtest.h>

#include <cmath>

#include "inspect/heap/lying_target.h"
#include "inspect/heap/strata/samples_fake.h"

namespace strata::strata_malloc {
namespace {

struct Read {
  explicit Read(TableFake& fake) : Read(fake, fake.memory) {}
  Read(TableFake& fake, const Target& target) : memory(target, nullptr) {
    const HeapScene scene{fake.space, memory, chart};
    Peek peek(scene);
    std::vector<std::string> notes;
    table = find_table(peek, fake.space, notes);
    if (table) heap = read_samples(memory, *table);
  }

  PresentMemory memory;
  Chart chart;
  std::optional<Table> table;
  SampledHeap heap;
};

TEST(StrataSamples, AreReadWithTheirStacks) {
  TableFake fake;
  put_samples(fake);
  const Read read(fake);
  ASSERT_TRUE(read.heap.known && read.heap.begun);
  EXPECT_EQ(read.heap.wanted, 512_KiB);
  ASSERT_EQ(read.heap.live.size(), 2u);
  EXPECT_EQ(read.heap.live[0].block, TableFake::kAll);
  EXPECT_EQ(read.heap.live[0].asked, 47_B);
  EXPECT_EQ(read.heap.live[1].bytes, 20_KiB);
  ASSERT_EQ(read.heap.stacks.size(), 3u);
  const SampledStack& stack = read.heap.stacks[read.heap.live[1].stack];
  ASSERT_EQ(stack.callers.size(), 3u);
  EXPECT_EQ(stack.callers[2].value, TableFake::kStatic.value + 162);
  EXPECT_EQ(stack.blocks, 3);
  EXPECT_EQ(stack.bytes, 3000);
  EXPECT_EQ(read.heap.unread, 0u);
}

TEST(StrataSamples, AWeightIsTheInverseOfTheChance) {
  Sample sample;
  sample.mean = 512_KiB;
  sample.bytes = 16_B;
  EXPECT_NEAR(sample.weight(), 32768.5, 0.01);
  sample.bytes = 512_KiB;
  EXPECT_NEAR(sample.weight(), 1 / (1 - std::exp(-1)), 1e-9);
  sample.bytes = 1_GiB;
  EXPECT_EQ(sample.weight(), 1);
  sample.mean = Bytes{~std::uint64_t{0}};
  sample.bytes = 16_B;
  EXPECT_LE(sample.weight() * 16, 9.3e18);
}

TEST(StrataSamples, AShorterTableHasNone) {
  TableFake fake;
  put_samples(fake);
  fake.layout.bytes = offsetof(abi::MallocLayout, samples);
  fake.put_layout();
  const Read read(fake);
  ASSERT_TRUE(read.table.has_value());
  EXPECT_FALSE(read.heap.known);
  EXPECT_EQ(mailbox_of(*read.table), std::nullopt);
}

TEST(StrataSamples, BeforeItWasFirstOnThereAreNone) {
  TableFake fake;
  const Read read(fake);
  EXPECT_TRUE(read.heap.known);
  EXPECT_FALSE(read.heap.begun);
  EXPECT_TRUE(read.heap.live.empty() && read.heap.stacks.empty());
  const auto mailbox = mailbox_of(*read.table);
  ASSERT_TRUE(mailbox.has_value());
  EXPECT_EQ(fake.memory.word(*mailbox), 0u);
}

TEST(StrataSamples, ARecordThatIsBeingWrittenIsLeftOut) {
  TableFake fake;
  put_samples(fake);
  fake.put(kFakeRecords + Bytes{offsetof(abi::MallocSample, sequence)}, std::uint32_t{3});
  const Read read(fake);
  EXPECT_EQ(read.heap.live.size(), 1u);
  EXPECT_EQ(read.heap.unread, 1u);
}

TEST(StrataSamples, ARecordThatMakesNoSenseIsLeftOut) {
  const std::size_t fields[] = {
      offsetof(abi::MallocSample, address), offsetof(abi::MallocSample, bytes),
      offsetof(abi::MallocSample, asked), offsetof(abi::MallocSample, stack)};
  for (const std::size_t field : fields) {
    TableFake fake;
    put_samples(fake);
    fake.put(kFakeRecords + Bytes{field}, ~std::uint32_t{0});
    fake.put(kFakeRecords + Bytes{field + 4}, ~std::uint32_t{0});
    const Read read(fake);
    EXPECT_EQ(read.heap.live.size(), 1u) << field;
    EXPECT_EQ(read.heap.unread, 1u) << field;
  }
}

TEST(StrataSamples, NoWordOfItsTableLeadsElsewhere) {
  const std::uint64_t lies[] = {0,
                                1,
                                8,
                                ~std::uint64_t{0},
                                0xffffffff,
                                0xffffffff00000000,
                                std::uint64_t{1} << 63,
                                TableFake::kStatic.value,
                                TableFake::kEnd.value - 8};
  for (std::size_t word = 0; word < sizeof(abi::MallocSamples) / 8; ++word) {
    for (const std::uint64_t lie : lies) {
      TableFake fake;
      put_samples(fake);
      fake.put(TableFake::kTable + Bytes{offsetof(abi::MallocLayout, samples) + word * 8}, lie);
      const Read read(fake);
      EXPECT_LE(read.heap.live.size(), 3u);
      for (const Sample& sample : read.heap.live) {
        EXPECT_LT(sample.stack, read.heap.stacks.size());
        EXPECT_TRUE(std::isfinite(sample.weight()));
      }
      EXPECT_LT(fake.memory.reads, 20'000u);
    }
  }
}

TEST(StrataSamples, MemoryThatLiesIsReadToItsEnd) {
  std::size_t sampled = 0;
  for (const std::uint64_t rarity : {10, 100, 1000}) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      TableFake fake;
      put_samples(fake);
      const LyingTarget liar(fake.memory, fake.space, seed * 7 + rarity, rarity);
      const Read read(fake, liar);
      sampled += read.heap.live.size();
      EXPECT_LT(fake.memory.reads, 20'000u);
    }
  }
  EXPECT_GT(sampled, 0u);
}

}  // namespace
}  // namespace strata::strata_malloc
