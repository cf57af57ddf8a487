// The witness is CPython itself: sys._debugmallocstats() counts its arenas and unused pools.
#include <gtest/gtest.h>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/runtime_specimen.h"

namespace strata {
namespace {

constexpr const char* kScript =
    "import os, sys, time\n"
    "keep = [(i, str(i), [i]) for i in range(120000)]\n"
    "del keep[::3]\n"
    "sys._debugmallocstats()\n"
    "os.write(1, b'ready\\n')\n"
    "time.sleep(1000)\n";

/// STRATA_TEST_PYTHONS may name more interpreters, separated by colons.
std::vector<std::string> interpreters() {
  std::vector<std::string> all = listed_in_environment("STRATA_TEST_PYTHONS");
  if (::access("/usr/bin/python3", X_OK) == 0) all.push_back("/usr/bin/python3");
  return all;
}

void expect_as_python_counts(const Standing& standing) {
  const auto& [specimen, sight, survey] = standing;
  expect_no_notes(survey);

  // "71 arenas * 1048576 bytes/arena    =           74,448,896"
  const auto arenas = specimen.number_after("# arenas allocated current");
  const auto arena_size = specimen.number_after("arenas * ");
  ASSERT_TRUE(arenas && arena_size) << specimen.said();
  EXPECT_EQ(sight->claimed(survey, "pymalloc/pools in use").value, *arenas * *arena_size);

  // "6 unused pools * 16384 bytes       =               98,304"
  const std::size_t label = specimen.said().find(" unused pools * ");
  ASSERT_NE(label, std::string::npos);
  const std::size_t line = specimen.said().rfind('\n', label) + 1;
  const std::uint64_t unused = std::strtoull(specimen.said().c_str() + line, nullptr, 10);
  const auto pool_size = specimen.number_after(" unused pools * ");
  EXPECT_EQ(sight->claimed(survey, "pymalloc/free pools").value, unused * *pool_size);

  EXPECT_LT(survey.bytes_read, 8_MiB);
  for (const Claim& claim : survey.claims) EXPECT_EQ(claim.rank, Rank::kHeap);
}

TEST(Pymalloc, ArenasAndFreePoolsAreThoseThatPythonCounts) {
  const auto pythons = interpreters();
  if (pythons.empty()) GTEST_SKIP() << "python3 is not installed";
  for (const std::string& python : pythons) {
    SCOPED_TRACE(python);
    const auto standing = stand({python, "-c", kScript}, survey_pymalloc);
    ASSERT_NE(standing, nullptr);
    expect_as_python_counts(*standing);
  }
}

TEST(Pymalloc, AnInterpreterUnderAnotherNameIsRecognised) {
  // The distribution's: others find their library by where they stand.
  const std::string python = "/usr/bin/python3";
  if (::access(python.c_str(), X_OK) != 0) GTEST_SKIP() << "python3 is not installed";
  const Scratch scratch;
  const std::string renamed = scratch.path() + "/server";
  std::filesystem::copy_file(python, renamed);
  ::setenv("PYTHONHOME", "/usr", 1);
  const auto standing = stand({renamed, "-S", "-c", kScript}, survey_pymalloc);
  ::unsetenv("PYTHONHOME");
  ASSERT_NE(standing, nullptr);
  expect_as_python_counts(*standing);
}

TEST(Pymalloc, LiesEndInAnAnswer) {
  if (interpreters().empty()) GTEST_SKIP() << "python3 is not installed";
  const auto standing = stand({interpreters().front(), "-c", kScript}, survey_pymalloc);
  ASSERT_NE(standing, nullptr);
  expect_answers_to_lies(*standing->sight, survey_pymalloc);
}

TEST(Pymalloc, AProgramWithoutPythonCostsNothing) { expect_nothing_here(survey_pymalloc); }

}  // namespace
}  // namespace strata
