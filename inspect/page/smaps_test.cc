#include "inspect/page/smaps.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <random>
#include <sstream>

#include "inspect/target/process.h"
#include "inspect/target/test_child.h"

namespace strata {
namespace {

constexpr std::string_view kTwo =
    "1000-3000 rw-p 00000000 00:00 0                          [heap]\n"
    "Size:                  8 kB\nRss:                   4 kB\nPss:                   3 kB\n"
    "Shared_Clean:          0 kB\nPrivate_Dirty:         4 kB\nAnonymous:             4 kB\n"
    "LazyFree:              1 kB\nSwap:                  2 kB\nSwapPss:               1 kB\n"
    "Locked:                0 kB\nNewerThanUs:          77 kB\nTHPeligible:           0\n"
    "VmFlags: rd wr mr mw me gd ac lo \n"
    "3000-4000 r--p 00000000 00:01 9                          /a b\n"
    "Rss:                   0 kB\nVmFlags: rd pf io ht\n";

Result<std::vector<MappingUsage>> parse(std::string_view text, std::size_t piece) {
  std::vector<MappingUsage> usage;
  SmapsParser parser(usage);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    auto fed = parser.feed(text.substr(at, piece));
    if (!fed) return pass(fed);
  }
  if (auto end = parser.finish(); !end) return pass(end);
  return usage;
}

TEST(Smaps, ReadsFiguresAndFlagsHoweverTheTextIsCut) {
  for (std::size_t piece = 1; piece <= kTwo.size(); ++piece) {
    auto usage = parse(kTwo, piece);
    ASSERT_TRUE(usage) << piece;
    ASSERT_EQ(usage->size(), 2u);
    const MappingUsage& first = usage->front();
    EXPECT_EQ(first.range, (Range{Address{0x1000}, Address{0x3000}}));
    EXPECT_EQ(first.resident, 4_KiB);
    EXPECT_EQ(first.proportional, 3_KiB);
    EXPECT_EQ(first.private_dirty, 4_KiB);
    EXPECT_EQ(first.anonymous, 4_KiB);
    EXPECT_EQ(first.lazily_freed, 1_KiB);
    EXPECT_EQ(first.swapped, 2_KiB);
    EXPECT_EQ(first.proportional_swap, 1_KiB);
    EXPECT_TRUE(first.traits.grows_down && first.traits.locked);
    EXPECT_FALSE(first.traits.hugetlb || first.traits.frames || first.traits.device);
    const MappingTraits& second = usage->back().traits;
    EXPECT_TRUE(second.hugetlb && second.frames && second.device);
    EXPECT_FALSE(second.grows_down || second.locked);
  }
}

TEST(Smaps, RefusesWhatContradictsItself) {
  for (const char* text :
       {"Rss: 4 kB\n", "VmFlags: rd\n", "1000-2000\n", "1000-2000 rw-p\nRss: x\n",
        "2000-1000 rw-p\n", "hello\n", "\n", "1000 2000\n", "1000-2000 r\nRss:\n",
        "1000-2000 r\nRss: 99999999999999999999 kB\n", "1000-2000 r\nRss: 18014398509481984 kB\n",
        "1000-2000 r\nRss: -1 kB\n"}) {
    auto usage = parse(text, 1000);
    ASSERT_FALSE(usage) << text;
    EXPECT_EQ(usage.error().cause, Cause::kCorrupt);
  }
  EXPECT_TRUE(parse("1000-2000 r\nRss: 18014398509481983 kB\n", 1000));
  EXPECT_EQ(parse("\x1b[2J\n", 1000).error().message.find('\x1b'), std::string::npos);
  EXPECT_TRUE(parse("", 1)->empty());
}

TEST(Smaps, AddsUpEveryFigure) {
  MappingUsage sum, one;
  one.range = {Address{1}, Address{2}};
  one.resident = 1_KiB;
  one.locked = 2_KiB;
  one.file_huge = 4_KiB;
  sum.add(one);
  sum.add(one);
  EXPECT_EQ(sum.resident, 2_KiB);
  EXPECT_EQ(sum.locked, 4_KiB);
  EXPECT_EQ(sum.file_huge, 8_KiB);
  EXPECT_TRUE(sum.range.empty());
}

// Another way to read the same text: every figure of every mapping by its name, with iostreams.
using Figures = std::map<std::string, std::map<std::string, std::uint64_t>>;
Figures simple_parse(const std::string& text) {
  Figures figures;
  std::istringstream lines(text);
  std::string line, range;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string key;
    std::uint64_t value = 0;
    words >> key;
    if (key.find('-') != std::string::npos && key.back() != ':') {
      range = key;
    } else if (words >> value) {
      figures[range][key] = value;
    }
  }
  return figures;
}

TEST(Smaps, AgreesWithASimpleReadingOfALiveProcess) {
  NEEDS_NO_FOREIGN_THREAD();
  test::Child child([] {
    const std::size_t size = 1 << 20;
    auto* a = static_cast<char*>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::memset(a, 1, size / 2);
    madvise(a, 16384, MADV_FREE);
    auto* s = static_cast<char*>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    std::memset(s, 1, size / 4);
    for (;;) pause();
  });
  ASSERT_TRUE(test::eventually([&] { return test::states(child.pid()) == "S"; }));
  auto process = Process::open(child.pid());
  ASSERT_TRUE(process);
  // Both ways of reading get the same text: what is shared with others changes as these come and
  // go.
  const std::string text = test::read_proc(child.pid(), "smaps");
  std::vector<MappingUsage> usage;
  SmapsParser parser(usage);
  ASSERT_TRUE(parser.feed(text));
  ASSERT_TRUE(parser.finish());
  EXPECT_EQ(read_smaps(**process).value().size(), usage.size());
  const Figures figures = simple_parse(text);
  ASSERT_EQ(figures.size(), usage.size());
  Bytes resident;
  for (const MappingUsage& u : usage) {
    const auto range = fmt::format("{:08x}-{:08x}", u.range.start.value, u.range.end.value);
    ASSERT_TRUE(figures.contains(range)) << range;
    const auto figure = [&](const char* key) {
      const auto& of = figures.at(range);
      return of.contains(key) ? 1_KiB * of.at(key) : 0_B;
    };
    EXPECT_EQ(u.range.size(), figure("Size:"));
    EXPECT_EQ(u.resident, figure("Rss:"));
    EXPECT_EQ(u.proportional, figure("Pss:"));
    EXPECT_EQ(u.shared_clean, figure("Shared_Clean:"));
    EXPECT_EQ(u.shared_dirty, figure("Shared_Dirty:"));
    EXPECT_EQ(u.private_clean, figure("Private_Clean:"));
    EXPECT_EQ(u.private_dirty, figure("Private_Dirty:"));
    EXPECT_EQ(u.anonymous, figure("Anonymous:"));
    EXPECT_EQ(u.same_page_merged, figure("KSM:"));
    EXPECT_EQ(u.lazily_freed, figure("LazyFree:"));
    EXPECT_EQ(u.anonymous_huge, figure("AnonHugePages:"));
    EXPECT_EQ(u.shared_huge, figure("ShmemPmdMapped:"));
    EXPECT_EQ(u.file_huge, figure("FilePmdMapped:"));
    EXPECT_EQ(u.shared_hugetlb, figure("Shared_Hugetlb:"));
    EXPECT_EQ(u.private_hugetlb, figure("Private_Hugetlb:"));
    EXPECT_EQ(u.swapped, figure("Swap:"));
    EXPECT_EQ(u.proportional_swap, figure("SwapPss:"));
    EXPECT_EQ(u.locked, figure("Locked:"));
    resident += u.resident;
  }
  auto rollup = read_smaps_rollup(**process);
  if (!rollup) GTEST_SKIP() << rollup.error().message;
  EXPECT_EQ(rollup->resident, resident);
}

}  // namespace
}  // namespace strata
