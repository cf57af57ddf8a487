#include <gtest/gtest.h>

#include <algorithm>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/own_memory.h"
#include "inspect/heap/running_allocator.h"
#include "inspect/heap/runtime_specimen.h"

namespace strata {
namespace {

/// What the library counts as committed and is not claimed may be its map of pages alone.
constexpr Bytes kPageMap = 4_MiB;

void expect_mimalloc(const RunningAllocator& program, const Surveyed& surveyed) {
  expect_sound(program, surveyed);
  for (const std::string& note : surveyed.survey.notes) ADD_FAILURE() << note;
  EXPECT_GE(surveyed.under("mimalloc") + kPageMap, program.count("committed"));
  expect_silent(program.pid(), {survey_glibc, survey_jemalloc, survey_tcmalloc});
}

TEST(Mimalloc, SegmentsHoldEveryBlock) {
  std::string why;
  const auto program =
      RunningAllocator::start({.preload = "libmimalloc.so.2", .build = "", .large = 400}, why);
  if (!program) GTEST_SKIP() << why;
  const auto surveyed = survey_process(program->pid(), survey_mimalloc);
  expect_mimalloc(*program, *surveyed);
  // The largest blocks have segments of their own.
  EXPECT_GT(surveyed->under("mimalloc/huge segments"), 0_B);
  EXPECT_EQ(surveyed->under("mimalloc/segments").value % (32_MiB).value, 0u);
}

TEST(Mimalloc, OtherVersionsHoldEveryBlock) {
  // STRATA_TEST_MIMALLOCS names libraries of versions 1 and 3, separated by colons.
  const auto libraries = listed_in_environment("STRATA_TEST_MIMALLOCS");
  if (libraries.empty()) GTEST_SKIP() << "STRATA_TEST_MIMALLOCS names no library";
  for (const std::string& library : libraries) {
    SCOPED_TRACE(library);
    std::string why;
    const auto program =
        RunningAllocator::start({.preload = library, .build = "", .large = 400}, why);
    ASSERT_TRUE(program) << why;
    const auto surveyed = survey_process(program->pid(), survey_mimalloc);
    expect_mimalloc(*program, *surveyed);
  }
}

/// An arena as version 3 lays it out, and the record that lists it.
class Mimalloc3 : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kSlices = 1024;

  void SetUp() override {
    memory_.open(0_B, 1_MiB);
    const std::uint64_t start = memory_.range().start.value;
    const std::uint64_t words[] = {start, (64_MiB).value, 4, address(record_), 0, kSlices, 2, 0};
    std::copy(std::begin(words), std::end(words), memory_.word(0_B));
    record_[3] = 1;
    record_[4] = start;
  }
  static std::uint64_t address(const void* at) { return reinterpret_cast<std::uint64_t>(at); }
  static Bytes claimed() {
    const auto sight = Sight::open(::getpid());
    return sight->claimed(survey_mimalloc(sight->scene()), "mimalloc/arenas");
  }

  OwnMemory memory_{64_MiB, 4_MiB};
  std::uint64_t record_[192] = {};
};

TEST_F(Mimalloc3, AnArenaThatItsRecordListsIsClaimedWhole) { EXPECT_EQ(claimed(), 64_MiB); }

TEST_F(Mimalloc3, AnArenaThatNoRecordListsIsNone) {
  record_[4] += 8;
  EXPECT_EQ(claimed(), 0_B);
}

TEST_F(Mimalloc3, AnArenaLargerThanItsReservationIsNone) {
  memory_.word(0_B)[5] = kSlices + 1;
  EXPECT_EQ(claimed(), 0_B);
}

TEST_F(Mimalloc3, LiesEndInAnAnswer) {
  expect_answers_to_lies(*Sight::open(::getpid()), survey_mimalloc, 10);
}

/// A segment as version 1 lays it out, its cookie kept in this program's data.
volatile std::uint64_t cookie = 0xfedcba9876543210;  // volatile: it has to lie in memory

class Mimalloc1 : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kPages = 8;  // of 512 KiB

  void SetUp() override {
    memory_.open(0_B, 4_MiB);
    std::uint64_t* const words = memory_.word(0_B);
    const std::uint64_t head[] = {0, (4_MiB).value, 3, kPages, 4096, cookie ^ start(), 0, 0, 77};
    std::copy(std::begin(head), std::end(head), words);
    words[9] = 19;  // log2 of a page
    words[10] = 1;  // medium
    for (std::uint64_t i = 0; i < kPages; ++i) words[11 + 12 * i] = 0x700 | i;
  }
  std::uint64_t start() const { return memory_.range().start.value; }
  static Bytes claimed() {
    const auto sight = Sight::open(::getpid());
    return sight->claimed(survey_mimalloc(sight->scene()), "mimalloc/segments");
  }

  OwnMemory memory_{4_MiB, 4_MiB};
};

TEST_F(Mimalloc1, ASegmentThatBearsTheCookieIsClaimed) { EXPECT_EQ(claimed(), 4_MiB); }

TEST_F(Mimalloc1, ASegmentWithAnotherCookieIsNot) {
  memory_.word(0_B)[5] ^= 2;
  EXPECT_EQ(claimed(), 0_B);
}

TEST_F(Mimalloc1, PagesThatAreNotNumberedAreNone) {
  memory_.word(0_B)[11 + 12 * 5] = 0;
  EXPECT_EQ(claimed(), 0_B);
}

}  // namespace
}  // namespace strata
