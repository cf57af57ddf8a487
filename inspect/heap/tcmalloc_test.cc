#include <gtest/gtest.h>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/own_memory.h"
#include "inspect/heap/running_allocator.h"
#include "inspect/heap/runtime_specimen.h"

namespace strata {
namespace {

void expect_tcmalloc(const std::string& library) {
  std::string why;
  const auto program = RunningAllocator::start({.preload = library, .build = ""}, why);
  if (!program) GTEST_SKIP() << why;
  const auto surveyed = survey_process(program->pid(), survey_tcmalloc);
  expect_sound(*program, *surveyed);
  for (const std::string& note : surveyed->survey.notes) ADD_FAILURE() << note;
  EXPECT_EQ(surveyed->under("tcmalloc/spans"), program->count("heap_size"));
  EXPECT_EQ(surveyed->under("tcmalloc/spans/free"), program->count("free"));
  EXPECT_GT(surveyed->under("tcmalloc/metadata"), 0_B);
  expect_silent(program->pid(), {survey_glibc, survey_jemalloc, survey_mimalloc});
}

TEST(Tcmalloc, TheMinimalLibraryIsRecognised) { expect_tcmalloc("libtcmalloc_minimal.so.4"); }
TEST(Tcmalloc, TheProfilingLibraryIsRecognised) { expect_tcmalloc("libtcmalloc.so.4"); }

TEST(Tcmalloc, AHeapOfTenTimesTheSpansTakesNoMoreToRead) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps what was freed for a while";
#endif
  std::string why;
  const auto checkered = [&](const char* option) {
    return RunningAllocator::start(
        {.preload = "libtcmalloc_minimal.so.4", .build = "", .threads = 0, .option = option}, why);
  };
  const auto small = checkered("checkered 20000");
  const auto large = checkered("checkered 200000");
  if (!small || !large) GTEST_SKIP() << why;
  EXPECT_LT(growth_of_peak(*small, *large, survey_tcmalloc), kMostGrowth);
  const auto surveyed = survey_process(large->pid(), survey_tcmalloc);
  expect_sound(*large, *surveyed);
  EXPECT_EQ(surveyed->under("tcmalloc/spans"), large->count("heap_size"));
}

TEST(Tcmalloc, RegionsThatGooglesNamedAreClaimedByTheirNames) {
  // Few kernels here take names, so the line of /proc/PID/maps is written by the test.
  const OwnMemory memory(4_MiB, 4_MiB);
  memory.open(0_B, 1_MiB);
  memory.open(2_MiB, 64_KiB);
  const auto sight = Sight::open(::getpid());
  for (Mapping& mapping : sight->space.mappings) {
    if (mapping.range.start == memory.at(0_B)) mapping.name = "[anon:tcmalloc_region_NORMAL]";
    if (mapping.range.start == memory.at(2_MiB)) mapping.name = "[anon:tcmalloc_region_METADATA]";
  }
  const HeapSurvey survey = survey_tcmalloc(sight->scene());
  EXPECT_EQ(sight->claimed(survey, "tcmalloc/regions"), 1_MiB);
  EXPECT_EQ(sight->claimed(survey, "tcmalloc/metadata"), 64_KiB);
  EXPECT_EQ(survey.notes.size(), 1u);
}

}  // namespace
}  // namespace strata
