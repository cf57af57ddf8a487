#include <gtest/gtest.h>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/running_allocator.h"

namespace strata {
namespace {

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

}  // namespace
}  // namespace strata
