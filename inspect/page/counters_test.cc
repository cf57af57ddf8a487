#include "inspect/page/counters.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "inspect/target/process.h"

namespace strata {
namespace {

std::string text_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Counters status(std::string_view text) {
  Counters counters;
  parse_status(text, counters);
  return counters;
}

TEST(Counters, AreReadFromStatus) {
  const Counters c = status(
      "Name:\tcat\nVmPeak:\t    9999 kB\nVmSize:\t    5724 kB\nVmHWM:\t    2048 kB\n"
      "VmRSS:\t    1860 kB\nRssAnon:\t      92 kB\nRssFile:\t    1768 kB\nRssShmem:\t       0 kB\n"
      "VmPTE:\t      52 kB\nVmSwap:\t       8 kB\nHugetlbPages:\t    2048 kB\nThreads:\t3\n");
  EXPECT_EQ(c.virtual_size, 5724_KiB);
  EXPECT_EQ(c.peak_resident, 2048_KiB);
  EXPECT_EQ(c.resident, 1860_KiB);
  EXPECT_EQ(c.resident_anonymous, 92_KiB);
  EXPECT_EQ(c.resident_file, 1768_KiB);
  EXPECT_EQ(c.resident_shared, 0_B);
  EXPECT_EQ(c.page_tables, 52_KiB);
  EXPECT_EQ(c.swapped, 8_KiB);
  EXPECT_EQ(c.hugetlb, 2_MiB);
  EXPECT_EQ(c.threads, 3u);
}

TEST(Counters, WhatIsNotPrintedIsAbsentAndNotZero) {
  const Counters c = status("Name:\tkthreadd\nState:\tS (sleeping)\nThreads:\t1\n");
  EXPECT_FALSE(c.resident || c.swapped || c.page_tables || c.virtual_size);
  EXPECT_EQ(c.threads, 1u);
  EXPECT_FALSE(status("").resident);
  EXPECT_FALSE(status("x\nVmRSS:").resident);
  EXPECT_FALSE(status("x\nVmRSS:\t\n").resident);
  EXPECT_FALSE(status("x\nVmRSS:\t-4 kB\n").resident);
  EXPECT_FALSE(status("x\nVmRSS:\t99999999999999999999 kB\n").resident);
}

TEST(Counters, ANameCannotPoseAsALine) {
  EXPECT_EQ(status("Name:\tVmRSS: 1 kB\nVmRSS:\t7 kB\n").resident, 7_KiB);
  EXPECT_EQ(status("VmRSS:\t1 kB\nVmRSS:\t7 kB\n").resident, 7_KiB);
  EXPECT_EQ(status("Name:\tx\nNotVmRSS:\t1 kB\nVmRSS:\t7 kB\n").resident, 7_KiB);
}

TEST(Counters, AreReadFromStatmAndStat) {
  Counters c;
  parse_statm("1431 465 442 5 0 115 0\n", c);
  EXPECT_EQ(c.statm_resident, page_size() * 465);
  parse_stat("7 (a) b (c) S 1 2 3 4 5 6 11 12 13 14 15 16 17 18 19 20 21 0 23 24 465 26\n", c);
  EXPECT_EQ(c.minor_faults, 11u);
  EXPECT_EQ(c.major_faults, 13u);
  for (const char* none : {"", "\n", "7 (a", "7 (a)", "7 (a) S", "7"}) {
    Counters empty;
    parse_stat(none, empty);
    parse_statm(none, empty);
    EXPECT_FALSE(empty.minor_faults || empty.stat_resident || empty.statm_resident) << none;
  }
}

TEST(Counters, FollowWhatTheProcessDoes) {
  auto process = Process::open(getpid());
  ASSERT_TRUE(process);
  const std::size_t size = 64 << 20;
  auto before = read_counters(**process);
  ASSERT_TRUE(before && before->resident && before->minor_faults && before->stat_resident);
  auto* const memory = static_cast<char*>(
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  madvise(memory, size, MADV_NOHUGEPAGE);
  for (std::size_t i = 0; i < size; i += page_size().value) memory[i] = 1;
  auto after = read_counters(**process);
  ASSERT_TRUE(after);
  // On a machine short of memory pages may leave again; but they are then counted as swapped.
  const auto held = [](const Counters& c) { return *c.resident + c.swapped.value_or(0_B); };
  EXPECT_GT(held(*after) + 4_MiB, held(*before) + Bytes{size});
  EXPECT_GE(*after->virtual_size, *before->virtual_size + Bytes{size});
  EXPECT_GE(*after->minor_faults, *before->minor_faults + size / page_size().value);
  EXPECT_GT(*after->page_tables, 0_B);
  munmap(memory, size);
  EXPECT_LT(*read_counters(**process)->virtual_size, *after->virtual_size);
  EXPECT_TRUE(read_status(**process));
}

TEST(Counters, StatsResidentIsTheTwentyFourthField) {
  // Independently: the words behind the last parenthesis, counted by proc(5).
  const std::string stat = text_of("/proc/self/stat");
  Counters c;
  parse_stat(stat, c);
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string word;
  for (int field = 3; field <= 24; ++field) fields >> word;
  ASSERT_TRUE(c.stat_resident);
  EXPECT_EQ(*c.stat_resident, page_size() * std::stoull(word));
}

}  // namespace
}  // namespace strata
