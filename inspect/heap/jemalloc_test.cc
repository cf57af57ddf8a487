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
