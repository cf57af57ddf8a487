// The specimen here is the test's own process: mappings whose pages are in states that it made.
#include "inspect/page/page_scanner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "inspect/page/present_memory.h"
#include "inspect/page/smaps.h"
#include "inspect/target/process.h"

namespace strata {
namespace {

constexpr int kGuardInstall = 102;  // MADV_GUARD_INSTALL, Linux 6.13

std::size_t page() { return page_size().value; }

/// A mapping of our own, unmapped at the end.
class Own {
 public:
  Own(std::size_t pages, int flags, int fd = -1)
      : size_(pages * page()),
        at_(static_cast<char*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, flags, fd, 0))) {
    EXPECT_NE(at_, MAP_FAILED);
    madvise(at_, size_, MADV_NOHUGEPAGE);
  }
  ~Own() { munmap(at_, size_); }
  Own(const Own&) = delete;

  char* page_at(std::size_t i) const { return at_ + i * page(); }
  Range range() const { return range_of(address(0), Bytes{size_}); }
  Range pages(std::size_t first, std::size_t count) const {
    return range_of(address(first), Bytes{count * page()});
  }
  void write(std::size_t first, std::size_t count) const {
    for (std::size_t i = first; i < first + count; ++i) *page_at(i) = 'w';
  }
  void read(std::size_t first, std::size_t count) const {
    for (std::size_t i = first; i < first + count; ++i) {
      static_cast<void>(*static_cast<volatile char*>(page_at(i)));
    }
  }

 private:
  Address address(std::size_t i) const { return {reinterpret_cast<std::uint64_t>(page_at(i))}; }

  std::size_t size_;
  char* at_;
};

Means means_without(const char* words) {
  setenv("STRATA_WITHOUT", words, 1);
  auto means = probe_means();
  unsetenv("STRATA_WITHOUT");
  EXPECT_TRUE(means);
  return means.value_or(Means{});
}

const Target& own_process() {
  static const auto process = Process::open(getpid()).value();
  return *process;
}

PageScanner scanner(const Means& means) {
  auto opened = PageScanner::open(own_process(), means);
  EXPECT_TRUE(opened);
  return std::move(*opened);
}

std::vector<PageRun> scan(const PageScanner& by, std::span<const ScanRange> ranges,
                          PageScanner::Detail detail = PageScanner::Detail::kState) {
  std::vector<PageRun> runs;
  auto done = by.scan(ranges, [&](const PageRun& run) { runs.push_back(run); }, detail);
  EXPECT_TRUE(done) << (done ? "" : to_text(done.error()));
  return runs;
}

std::vector<PageRun> scan(const PageScanner& by, Range range) {
  const ScanRange one{range, {}, std::nullopt};
  return scan(by, std::span(&one, 1));
}

std::string letters(PageFlags f) {
  std::string out;
  const auto add = [&](PageFlag flag, char letter) {
    if (f.has(flag)) out += letter;
  };
  add(PageFlag::kPresent, 'P'), add(PageFlag::kSwapped, 'S'), add(PageFlag::kFile, 'F');
  add(PageFlag::kZero, 'Z'), add(PageFlag::kHuge, 'H'), add(PageFlag::kGuard, 'G');
  add(PageFlag::kExclusive, 'X'), add(PageFlag::kHugetlb, 'T'), add(PageFlag::kUncounted, 'U');
  add(PageFlag::kUnknown, '?'), add(PageFlag::kHeld, 'D');
  return out;
}

/// The runs as a text to compare: "first page+count flags" relative to `from`.
std::string shown(const std::vector<PageRun>& runs, Address from) {
  std::string out;
  for (const PageRun& run : runs) {
    out += fmt::format("{}+{} {}\n", (run.range.start - from) / page_size(),
                       run.range.size() / page_size(), letters(run.flags));
  }
  return out;
}

std::string shown(const PageScanner& by, Range range) {
  return shown(scan(by, range), range.start);
}

/// Both ways, or the one that this kernel has.
std::vector<std::pair<std::string, Means>> ways() {
  std::vector<std::pair<std::string, Means>> list{{"by entries", means_without("pagemap_scan")}};
  const Means all = means_without("");
  if (all.pagemap_scan) list.push_back({"by ioctl", all});
  return list;
}

bool can_guard() {
  const Own probe(1, MAP_PRIVATE | MAP_ANONYMOUS);
  return madvise(probe.page_at(0), page(), kGuardInstall) == 0;
}

TEST(PageScanner, TellsWrittenReadAndUntouchedPagesApart) {
  const Own own(60, MAP_PRIVATE | MAP_ANONYMOUS);
  own.write(5, 10);
  own.read(20, 7);
  own.write(59, 1);
  for (const auto& [name, means] : ways()) {
    const bool sees_zero = means.pagemap_scan || means.frames;
    EXPECT_EQ(shown(scanner(means), own.range()),
              sees_zero ? "5+10 P\n20+7 PZ\n59+1 P\n" : "5+10 P\n20+7 P\n59+1 P\n")
        << name;
  }
}

TEST(PageScanner, SeesGuardsAndNothingSwappedInThem) {
  if (!can_guard()) GTEST_SKIP() << "this kernel has no MADV_GUARD_INSTALL";
  const Own own(16, MAP_PRIVATE | MAP_ANONYMOUS);
  own.write(0, 8);
  ASSERT_EQ(madvise(own.page_at(4), 3 * page(), kGuardInstall), 0);
  for (const auto& [name, means] : ways()) {
    EXPECT_EQ(shown(scanner(means), own.range()), "0+4 P\n4+3 G\n7+1 P\n") << name;
  }
}

TEST(PageScanner, TellsAFilesPagesFromCopiesOfThem) {
  char path[] = "/tmp/strata-scanner-test-XXXXXX";
  const File file(mkstemp(path));
  unlink(path);
  const std::string content(16 * page(), 'f');
  ASSERT_EQ(write(file.fd(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  const Own copied(16, MAP_PRIVATE, file.fd());
  copied.read(0, 16);
  copied.write(3, 2);
  const Own shared(16, MAP_SHARED, file.fd());
  shared.read(0, 16);
  shared.write(3, 2);
  const Own nobodys(16, MAP_SHARED | MAP_ANONYMOUS);
  nobodys.write(2, 5);
  for (const auto& [name, means] : ways()) {
    const PageScanner by = scanner(means);
    EXPECT_EQ(shown(by, copied.range()), "0+3 PF\n3+2 P\n5+11 PF\n") << name;
    EXPECT_EQ(shown(by, shared.range()), "0+16 PF\n") << name;
    EXPECT_EQ(shown(by, nobodys.range()), "2+5 PF\n") << name;
  }
}

TEST(PageScanner, SeesWhatWasSwappedOut) {
  const Own own(64, MAP_PRIVATE | MAP_ANONYMOUS);
  own.write(0, 64);
  madvise(own.page_at(16), 32 * page(), MADV_PAGEOUT);
  const auto count = [&](const Means& means) {
    Bytes swapped;
    for (const PageRun& run : scan(scanner(means), own.range())) {
      if (run.flags.has(PageFlag::kSwapped)) swapped += run.range.size();
    }
    return swapped;
  };
  const Bytes by_entries = count(means_without("pagemap_scan"));
  if (by_entries == 0_B) GTEST_SKIP() << "nothing was swapped out; is there swap here?";
  for (const auto& [name, means] : ways()) EXPECT_EQ(count(means), by_entries) << name;
}

TEST(PageScanner, NoRunCrossesIntoTheNextRange) {
  const Own own(40, MAP_PRIVATE | MAP_ANONYMOUS);
  own.write(0, 40);
  PageFlags pool;
  pool.set(PageFlag::kHugetlb);
  const std::vector<ScanRange> ranges = {{own.pages(0, 10), {}, std::nullopt},
                                         {own.pages(10, 5), {}, std::nullopt},
                                         {own.pages(15, 5), pool, std::nullopt},
                                         {own.pages(25, 5), {}, std::nullopt}};
  for (const auto& [name, means] : ways()) {
    EXPECT_EQ(shown(scan(scanner(means), ranges), own.range().start),
              "0+10 P\n10+5 P\n15+5 PT\n25+5 P\n")
        << name;
  }
}

TEST(PageScanner, WhatLiesInNoRangeIsLeftOut) {
  const Own own(30, MAP_PRIVATE | MAP_ANONYMOUS);
  own.write(0, 30);
  munmap(own.page_at(10), 10 * page());
  const std::vector<ScanRange> ranges = {{own.pages(2, 3), {}, std::nullopt},
                                         {own.pages(8, 4), {}, std::nullopt},  // half unmapped
                                         {own.pages(12, 3), {}, std::nullopt},
                                         {own.pages(28, 1), {}, std::nullopt}};
  for (const auto& [name, means] : ways()) {
    EXPECT_EQ(shown(scan(scanner(means), ranges), own.range().start), "2+3 P\n8+2 P\n28+1 P\n")
        << name;
    EXPECT_TRUE(scan(scanner(means), std::span<const ScanRange>{}).empty());
  }
}

TEST(PageScanner, ACheckerboardOfThousandsOfRunsIsWhole) {
  const std::size_t pages = 20'001;  // several buffers of either way, and no multiple of any
  const Own own(pages, MAP_PRIVATE | MAP_ANONYMOUS);
  for (std::size_t i = 0; i < pages; i += 2) own.write(i, 1);
  for (const auto& [name, means] : ways()) {
    const auto runs = scan(scanner(means), own.range());
    ASSERT_EQ(runs.size(), pages / 2 + 1) << name;
    for (std::size_t i = 0; i < runs.size(); ++i) ASSERT_EQ(runs[i].range, own.pages(2 * i, 1));
  }
}

TEST(PageScanner, WithoutTheIoctlWhatIsKnownToBeEmptyIsSkippedAndWhatIsTooLargeUnknown) {
  const Own own(10, MAP_PRIVATE | MAP_ANONYMOUS);
  own.write(0, 10);
  const PageScanner by = scanner(means_without("pagemap_scan"));
  const std::vector<ScanRange> ranges = {{own.pages(0, 2), {}, Bytes{2 * page()}},
                                         {own.pages(2, 2), {}, 0_B},
                                         {own.pages(4, 2), {}, std::nullopt}};
  EXPECT_EQ(shown(scan(by, ranges), own.range().start), "0+2 P\n4+2 P\n");
  const Range vast{Address{0x10000}, Address{0x10000} + 65_GiB};
  EXPECT_EQ(shown(by, vast), fmt::format("0+{} ?\n", vast.size() / page_size()));
  EXPECT_FALSE(by.blind_spots().empty());
}

TEST(PageScanner, SaysWhichPagesAreOursAlone) {
  const Own own(8, MAP_PRIVATE | MAP_ANONYMOUS);
  own.write(0, 8);
  const ScanRange all{own.range(), {}, std::nullopt};
  for (const auto& [way, means] : ways()) {
    SCOPED_TRACE(way);
    const PageScanner by = scanner(means);
    const auto exclusive = PageScanner::Detail::kExclusive;
    EXPECT_EQ(shown(scan(by, std::span(&all, 1), exclusive), own.range().start), "0+8 PX\n");
    EXPECT_EQ(shown(by, own.range()), "0+8 P\n");
  }
}

TEST(PageScanner, TheHugeZeroPageIsNotResident) {
  const std::size_t huge = 2 << 20;
  char* const area = static_cast<char*>(
      mmap(nullptr, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(area, MAP_FAILED);
  const Address begin{reinterpret_cast<std::uint64_t>(area)};
  const Address start = round_up(begin, 2_MiB);
  char* const at = area + (start - begin).value;
  madvise(at, huge, MADV_HUGEPAGE);
  static_cast<void>(*static_cast<volatile char*>(at));
  for (const auto& [name, means] : ways()) {
    if (!means.pagemap_scan) {
      const auto spots = scanner(means).blind_spots();
      EXPECT_TRUE(std::any_of(spots.begin(), spots.end(), [](const std::string& s) {
        return s.find("huge zero page") != std::string::npos;
      }));
      continue;
    }
    for (const PageRun& run : scan(scanner(means), range_of(start, 2_MiB))) {
      EXPECT_FALSE(run.resident()) << name << " " << letters(run.flags);
      EXPECT_TRUE(run.flags.has(PageFlag::kZero)) << name;
    }
  }
  munmap(area, 2 * huge);
}

TEST(PageScanner, BothWaysAgreeWithSmapsOnEveryMapping) {
  const Own anonymous(300, MAP_PRIVATE | MAP_ANONYMOUS);
  anonymous.write(0, 100);
  anonymous.read(100, 50);
  const Own shared(300, MAP_SHARED | MAP_ANONYMOUS);
  shared.write(7, 93);
  const auto usage = read_smaps(own_process()).value();
  for (const Range range : {anonymous.range(), shared.range()}) {
    // The kernel may have joined it with a neighbour: then smaps' figures are of both.
    const auto found = std::find_if(usage.begin(), usage.end(),
                                    [&](const MappingUsage& u) { return u.range.contains(range); });
    ASSERT_NE(found, usage.end());
    for (const auto& [name, means] : ways()) {
      if (!means.pagemap_scan && !means.frames) continue;  // it cannot tell the zero page
      Bytes resident, private_pages;
      for (const PageRun& run : scan(scanner(means), found->range)) {
        if (run.resident()) resident += run.range.size();
        if (run.anonymous()) private_pages += run.range.size();
      }
      EXPECT_EQ(resident, found->resident) << name;
      EXPECT_EQ(private_pages, found->anonymous) << name;
    }
  }
}

TEST(PresentMemory, ReadsWhatIsThereAndTouchesNothingElse) {
  const Own own(20, MAP_PRIVATE | MAP_ANONYMOUS);
  own.write(3, 4);
  own.write(10, 1);
  for (const auto& [name, means] : ways()) {
    const PageScanner by = scanner(means);
    const PresentMemory memory(own_process(), &by);
    const Address start = own.range().start;
    EXPECT_EQ(memory.present(own.range()).value(),
              (std::vector<Range>{own.pages(3, 4), own.pages(10, 1)}));
    // Not whole pages, and from within what is absent into what is there.
    const Range odd{start + Bytes{3 * page() - 10}, start + Bytes{3 * page() + 5}};
    EXPECT_EQ(memory.present(odd).value(), (std::vector<Range>{{own.pages(3, 1).start, odd.end}}));
    std::vector<std::byte> into(odd.size().value, std::byte{9});
    EXPECT_EQ(memory.read(odd.start, into).value(), 5_B);
    EXPECT_EQ(into[9], std::byte{0});
    EXPECT_EQ(into[10], std::byte{'w'});
    EXPECT_EQ(memory.value<char>(own.pages(10, 1).start), 'w');
    EXPECT_EQ(memory.value<std::uint64_t>(own.pages(10, 1).end - 4_B), std::nullopt);
    EXPECT_EQ(memory.value<char>(own.pages(11, 1).start), std::nullopt);
    std::vector<std::byte> whole(own.range().size().value);
    EXPECT_EQ(memory.read(start, whole).value(), Bytes{5 * page()});
    EXPECT_EQ(shown(by, own.range()), "3+4 P\n10+1 P\n") << "reading it made pages";
    EXPECT_EQ(memory.value<char>(Address{~0ull}), std::nullopt);
    EXPECT_EQ(memory.value<std::uint64_t>(Address{~0ull - 3}), std::nullopt);
    EXPECT_EQ(memory.value<char>(Address{0x8000'0000'0000'0000}), std::nullopt);
    EXPECT_EQ(memory.value<char>(Address{0}), std::nullopt);
  }
  const PresentMemory core(own_process(), nullptr);
  EXPECT_EQ(core.present(own.range()).value(), (std::vector<Range>{own.range()}));
}

}  // namespace
}  // namespace strata
