// The witness is CPython itself: sys._debugmallocstats() counts its arenas and unused pools.
#include <gtest/gtest.h>

#include <sstream>

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
  std::vector<std::string> all;
  if (::access("/usr/bin/python3", X_OK) == 0) all.push_back("/usr/bin/python3");
  if (const char* const more = std::getenv("STRATA_TEST_PYTHONS")) {
    std::istringstream names(more);
    for (std::string name; std::getline(names, name, ':');) {
      if (!name.empty()) all.push_back(name);
    }
  }
  return all;
}

TEST(Pymalloc, ArenasAndFreePoolsAreThoseThatPythonCounts) {
  const auto pythons = interpreters();
  if (pythons.empty()) GTEST_SKIP() << "python3 is not installed";
  for (const std::string& python : pythons) {
    SCOPED_TRACE(python);
    const Specimen specimen({python, "-c", kScript});
    ASSERT_FALSE(specimen.said().empty());
    const auto sight = Sight::open(specimen.pid());
    ASSERT_NE(sight, nullptr);
    const HeapSurvey survey = survey_pymalloc(sight->scene());
    for (const std::string& note : survey.notes) ADD_FAILURE() << note;

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
}

TEST(Pymalloc, LiesEndInAnAnswer) {
  const auto pythons = interpreters();
  if (pythons.empty()) GTEST_SKIP() << "python3 is not installed";
  const Specimen specimen({pythons.front(), "-c", kScript});
  ASSERT_FALSE(specimen.said().empty());
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    const LyingTarget lying(*sight->process, sight->space, seed, seed % 3 == 0 ? 4 : 400);
    const PresentMemory memory(lying, sight->scanner.get());
    const HeapSurvey survey = survey_pymalloc({sight->space, memory, sight->chart});
    for (const Claim& claim : survey.claims) EXPECT_FALSE(claim.range.empty());
    EXPECT_LT(survey.bytes_read, 200_MiB);
  }
}

TEST(Pymalloc, AProgramWithoutPythonCostsNothing) {
  const auto sight = Sight::open(::getpid());
  ASSERT_NE(sight, nullptr);
  const HeapSurvey survey = survey_pymalloc(sight->scene());
  EXPECT_TRUE(survey.claims.empty());
  EXPECT_TRUE(survey.notes.empty());
  EXPECT_EQ(survey.bytes_read, Bytes{});
}

}  // namespace
}  // namespace strata
