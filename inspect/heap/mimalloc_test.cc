#include <gtest/gtest.h>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/running_allocator.h"

namespace strata {
namespace {

TEST(Mimalloc, SegmentsHoldEveryBlock) {
  std::string why;
  const auto program =
      RunningAllocator::start({.preload = "libmimalloc.so.2", .build = "", .large = 400}, why);
  if (!program) GTEST_SKIP() << why;
  const auto surveyed = survey_process(program->pid(), survey_mimalloc);
  expect_sound(*program, *surveyed);
  for (const std::string& note : surveyed->survey.notes) ADD_FAILURE() << note;
  // The largest blocks have segments of their own.
  EXPECT_GT(surveyed->under("mimalloc/huge segments"), 0_B);
  EXPECT_EQ(surveyed->under("mimalloc/segments").value % (32_MiB).value, 0u);
  expect_silent(program->pid(), {survey_glibc, survey_jemalloc, survey_tcmalloc});
}

}  // namespace
}  // namespace strata
