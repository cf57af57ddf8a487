#include <gtest/gtest.h>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/running_allocator.h"

namespace strata {
namespace {

void expect_jemalloc(const RunningAllocator& program) {
  const auto surveyed = survey_process(program.pid(), survey_jemalloc);
  expect_sound(program, *surveyed);
  for (const std::string& note : surveyed->survey.notes) ADD_FAILURE() << note;
  // jemalloc's own sum: what is mapped, its metadata with it, and what it keeps for later.
  EXPECT_EQ(surveyed->under("jemalloc"), program.count("mapped") + program.count("retained"));
  EXPECT_GT(surveyed->under("jemalloc/metadata"), 0_B);
  EXPECT_LT(surveyed->survey.bytes_read, 4_MiB);
  expect_silent(program.pid(), {survey_glibc, survey_tcmalloc, survey_mimalloc});
}

TEST(Jemalloc, TheSharedLibraryIsRecognised) {
  std::string why;
  const auto program = RunningAllocator::start({.preload = "libjemalloc.so.2", .build = ""}, why);
  if (!program) GTEST_SKIP() << why;
  expect_jemalloc(*program);
}

TEST(Jemalloc, DirtyExtentsAreClaimedAsSuch) {
  std::string why;
  const auto program = RunningAllocator::start({.preload = "libjemalloc.so.2",
                                                .build = "",
                                                .environment = "MALLOC_CONF=dirty_decay_ms:-1",
                                                .threads = 0},
                                               why);
  if (!program) GTEST_SKIP() << why;
  expect_jemalloc(*program);
  const auto surveyed = survey_process(program->pid(), survey_jemalloc);
  EXPECT_GT(surveyed->under("jemalloc/extents/arena 0/dirty"), 0_B);
}

TEST(Jemalloc, AHeapOfTenTimesTheExtentsTakesNoMoreToRead) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps what was freed for a while";
#endif
  std::string why;
  const auto checkered = [&](const char* option) {
    return RunningAllocator::start({.preload = "libjemalloc.so.2",
                                    .build = "",
                                    .environment = "MALLOC_CONF=dirty_decay_ms:-1,tcache:false",
                                    .threads = 0,
                                    .option = option},
                                   why);
  };
  const auto small = checkered("checkered 20000");
  const auto large = checkered("checkered 200000");
  if (!small || !large) GTEST_SKIP() << why;
  EXPECT_LT(growth_of_peak(*small, *large, survey_jemalloc), kMostGrowth);

  // So many changes are folded: all is claimed as before, and a note says so.
  const auto surveyed = survey_process(large->pid(), survey_jemalloc);
  expect_sound(*large, *surveyed);
  EXPECT_EQ(surveyed->under("jemalloc"), large->count("mapped") + large->count("retained"));
  EXPECT_GT(surveyed->under("jemalloc/extents/arena 0/mixed"), 0_B);
  EXPECT_EQ(surveyed->survey.notes.size(), 1u);
  EXPECT_LE(surveyed->survey.claims.size(), (std::size_t{1} << 16) + 64);
}

TEST(Jemalloc, ItIsFoundInAStrippedProgramItWasLinkedInto) {
  std::string why;
  const auto program = RunningAllocator::start(
      {.preload = "",
       .build = "-Wl,--whole-archive -l:libjemalloc.a -Wl,--no-whole-archive "
                "-rdynamic -lstdc++ -lm -ldl"},
      why);
  if (!program) GTEST_SKIP() << why;
  expect_jemalloc(*program);
}

}  // namespace
}  // namespace strata
