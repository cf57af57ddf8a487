#include <gtest/gtest.h>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/running_allocator.h"

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

}  // namespace
}  // namespace strata
