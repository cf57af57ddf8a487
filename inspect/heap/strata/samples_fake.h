// inspect/heap/strata/samples_fake.h - for tests and fuzzers: samples in the small heap of
// table_fake.h: two records with two stacks, one record that is free.
#pragma once

#include "inspect/heap/strata/samples.h"
#include "inspect/heap/strata/table_fake.h"

namespace strata::strata_malloc {

inline constexpr Address kFakeRecords = TableFake::kMetadata + 6_KiB;
inline constexpr Address kFakeStacks = kFakeRecords + 256_B;

inline void put_samples(TableFake& fake) {
  abi::MallocSamples& samples = fake.layout.samples;
  samples.wanted = (512_KiB).value;
  samples.records = kFakeRecords.value;
  samples.stacks = kFakeStacks.value;
  samples.most_records = 4;
  samples.used_records = 3;
  samples.most_words = 64;
  samples.used_words = 4 + 4 + 2 + 4 + 3;
  fake.put_layout();
  const auto record = [&](std::uint64_t index, Address block, std::uint64_t bytes,
                          std::uint32_t stack) {
    abi::MallocSample sample{};
    sample.address = block.value;
    sample.bytes = bytes;
    sample.asked = bytes - 1;
    sample.mean = samples.wanted;
    sample.stack = stack;
    sample.sequence = 2;
    fake.put(kFakeRecords + Bytes{index * sizeof sample}, sample);
  };
  record(0, TableFake::kAll, 48, 4);
  record(2, TableFake::kRuns + 4_KiB, (20_KiB).value, 10);
  const auto stack = [&](std::uint64_t word, std::uint32_t depth) {
    abi::MallocStack head{};
    head.depth = depth;
    head.bytes = 1000 * depth;
    head.blocks = depth * abi::kSampledBlock;
    fake.put(kFakeStacks + Bytes{word * 8}, head);
    for (std::uint32_t i = 0; i < depth; ++i) {
      fake.put(kFakeStacks + Bytes{(word + 4 + i) * 8}, TableFake::kStatic.value + 16 * word + i);
    }
  };
  stack(0, 0);
  stack(4, 2);
  stack(10, 3);
}

}  // namespace strata::strata_malloc
