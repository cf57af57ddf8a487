#include <gtest/gtest.h>

#include "inspect/heap/glibc/mmapped.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/running_allocator.h"

namespace strata {
namespace {

using glibc::choose_by_count;
using glibc::MmappedCandidate;

std::unique_ptr<RunningAllocator> run(const RunningAllocator::Start& how) {
  std::string why;
  auto program = RunningAllocator::start(how, why);
  EXPECT_TRUE(program != nullptr) << why;
  return program;
}

void expect_glibc(const RunningAllocator& program, Bytes reads = 1_MiB) {
  const auto surveyed = survey_process(program.pid(), survey_glibc);
  expect_sound(program, *surveyed);
  EXPECT_EQ(surveyed->under("glibc/mmapped chunks"), program.count("mmapped"));
  EXPECT_LE(program.count("arenas"), surveyed->under("glibc") - program.count("mmapped"));
  for (const std::string& note : surveyed->survey.notes) ADD_FAILURE() << note;
  EXPECT_LT(surveyed->survey.bytes_read, reads);
  expect_silent(program.pid(), {survey_jemalloc, survey_tcmalloc, survey_mimalloc});
}

TEST(Glibc, ArenasAndMmappedChunksHoldEveryBlock) {
  const auto program = run({.preload = "", .build = ""});
  ASSERT_TRUE(program);
  expect_glibc(*program);
  const auto surveyed = survey_process(program->pid(), survey_glibc);
  EXPECT_EQ(surveyed->under("glibc/arena 1"), 64_MiB);
  EXPECT_EQ(surveyed->under("glibc/arena 3"), 64_MiB);
}

TEST(Glibc, TheMainArenaIsAsLargeAsGlibcSays) {
  const auto program = run({.preload = "", .build = "", .threads = 0});
  ASSERT_TRUE(program);
  expect_glibc(*program);
  const auto surveyed = survey_process(program->pid(), survey_glibc);
  EXPECT_EQ(surveyed->under("glibc/main arena"), program->count("arenas"));
}

TEST(Glibc, AStaticStrippedProgramIsRead) {
  const auto program = run({.preload = "", .build = "-static -w"});
  ASSERT_TRUE(program);
  expect_glibc(*program);
}

TEST(Glibc, WithoutMmappedChunksEverythingLargeLiesInTheArenas) {
  const auto program =
      run({.preload = "", .build = "", .environment = "MALLOC_MMAP_MAX_=0", .threads = 0});
  ASSERT_TRUE(program);
  EXPECT_EQ(program->count("mmapped"), 0_B);
  expect_glibc(*program);
}

TEST(Glibc, ASmallMmapThresholdMakesManyMergedChunks) {
  const auto program = run({.preload = "",
                            .build = "",
                            .environment = "MALLOC_MMAP_THRESHOLD_=4096",
                            .threads = 0,
                            .large = 12});
  ASSERT_TRUE(program);
  expect_glibc(*program);
}

TEST(Glibc, WhereBrkFailsTheMainArenaGoesOnInMappings) {
  const auto program =
      run({.preload = "", .build = "", .threads = 0, .large = 0, .option = "fence-brk"});
  ASSERT_TRUE(program);
  // Nothing but the chunks themselves says where a region ends.
  expect_glibc(*program, 8_MiB);
  const auto surveyed = survey_process(program->pid(), survey_glibc);
  EXPECT_EQ(surveyed->under("glibc/main arena"), program->count("arenas"));
}

MmappedCandidate candidate(std::uint64_t start, Bytes size) {
  return {range_of(Address{start}, size), true};
}

TEST(GlibcMmapped, WhatAddsUpIsChosen) {
  const std::vector<MmappedCandidate> all{candidate(0x10000, 8_KiB), candidate(0x20000, 12_KiB),
                                          candidate(0x30000, 20_KiB)};
  EXPECT_EQ(choose_by_count(all, 3, 40_KiB)->size(), 3u);
  const auto two = choose_by_count(all, 2, 28_KiB);
  ASSERT_TRUE(two);
  EXPECT_EQ(*two, (std::vector<Range>{all[0].range, all[2].range}));
  EXPECT_FALSE(choose_by_count(all, 2, 4_KiB));
  EXPECT_FALSE(choose_by_count(all, 4, 40_KiB));
}

TEST(GlibcMmapped, TwinsAreNotChosenBetween) {
  const std::vector<MmappedCandidate> all{candidate(0x10000, 8_KiB), candidate(0x20000, 8_KiB),
                                          candidate(0x30000, 20_KiB)};
  EXPECT_EQ(*choose_by_count(all, 2, 28_KiB), (std::vector<Range>{all[2].range}));
}

TEST(GlibcMmapped, AmongMoreThanAreCountedNoneIsClaimedThatMayBeAnother) {
  std::vector<MmappedCandidate> all;
  for (std::uint64_t i = 1; i <= 64; ++i) all.push_back(candidate(i << 20, 8_KiB));
  EXPECT_EQ(choose_by_count(all, 32, 256_KiB), std::vector<Range>{});
  // What is larger than all that is left over cannot be left out.
  all.push_back(candidate(0x90000000, 40_MiB));
  EXPECT_EQ(choose_by_count(all, 33, 40_MiB + 256_KiB), std::vector<Range>{all.back().range});
}

TEST(GlibcMmapped, HostileCandidatesEndInAnAnswer) {
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
}  // namespace strata
