#include "inspect/page/frame.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "inspect/target/process.h"

namespace strata {
namespace {

Address rebuilt(const TableWalk& walk, std::size_t levels) {
  std::uint64_t value = 0;
  for (const TableWalk::Level& level : walk.levels) value = value << 9 | level.index;
  const std::size_t missing = levels - walk.levels.size();
  return {value << (12 + 9 * missing) | walk.offset};
}

TEST(TableWalk, SplitsAnAddressIntoTheIndexesOfItsLevels) {
  const TableWalk walk = walk_of(Address{0x7ffd5a1c2e40}, 4, 4_KiB);
  ASSERT_EQ(walk.levels.size(), 4u);
  EXPECT_EQ(walk.levels[0].name, "PGD");
  EXPECT_EQ(walk.levels[0].index, 255u);
  EXPECT_EQ(walk.levels[3].name, "PTE");
  EXPECT_EQ(walk.offset, 0xe40u);
  EXPECT_EQ(rebuilt(walk, 4), Address{0x7ffd5a1c2e40});
  const TableWalk five = walk_of(Address{0x00ff'ffd5'a1c2'e401}, 5, 4_KiB);
  ASSERT_EQ(five.levels.size(), 5u);
  EXPECT_EQ(five.levels[1].name, "P4D");
  EXPECT_EQ(rebuilt(five, 5), Address{0x00ff'ffd5'a1c2'e401});
  EXPECT_EQ(rebuilt(walk_of(Address{0}, 4, 4_KiB), 4), Address{0});
  const int levels = page_table_levels();
  EXPECT_TRUE(levels == 4 || levels == 5);
}

TEST(TableWalk, EndsWithTheEntryThatMapsAHugePage) {
  const Address at{0x7ffd5a1c2e40};
  const TableWalk by_pmd = walk_of(at, 4, 2_MiB);
  ASSERT_EQ(by_pmd.levels.size(), 3u);
  EXPECT_EQ(by_pmd.levels.back().name, "PMD");
  EXPECT_EQ(by_pmd.offset, 0x1c2e40u);
  EXPECT_EQ(rebuilt(by_pmd, 4), at);
  const TableWalk by_pud = walk_of(at, 5, 1_GiB);
  ASSERT_EQ(by_pud.levels.size(), 3u);
  EXPECT_EQ(by_pud.levels.back().name, "PUD");
  EXPECT_EQ(by_pud.offset, 0x1a1c2e40u);
  EXPECT_EQ(rebuilt(by_pud, 5), at);
}

/// Two huge pages of memory, of which the first was written.
class HugeMemory {
 public:
  HugeMemory() {
    void* const room =
        mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) return;
    room_ = static_cast<char*>(room);
    const Address begin{reinterpret_cast<std::uint64_t>(room)};
    memory_ = room_ + (round_up(begin, 2_MiB) - begin).value;
    madvise(memory_, 4 << 20, MADV_HUGEPAGE);
    *static_cast<volatile char*>(memory_) = 1;
  }
  ~HugeMemory() {
    if (room_ != nullptr) munmap(room_, kRoom);
  }
  HugeMemory(const HugeMemory&) = delete;
  char* memory() const { return memory_; }
  Address start() const { return Address{reinterpret_cast<std::uint64_t>(memory_)}; }

 private:
  static constexpr std::size_t kRoom = 6 << 20;

  char* room_ = nullptr;
  char* memory_ = nullptr;
};

TEST(Frame, OfAHugePageIsMappedByOneEntryUntilThatIsSplit) {
  const HugeMemory memory;
  auto process = Process::open(getpid());
  auto means = probe_means();
  ASSERT_TRUE(process && means);
  if (!means->pagemap_scan) GTEST_SKIP() << "PAGEMAP_SCAN is not there to say what is huge";
  auto frame = read_frame(**process, *means, memory.start() + 0x12345_B);
  ASSERT_TRUE(frame) << to_text(frame.error());
  if (!frame->flags.has(PageFlag::kHuge)) GTEST_SKIP() << "the kernel gave no huge page";
  EXPECT_EQ(frame->entry_span, 2_MiB);
  EXPECT_FALSE(frame->flags.has(PageFlag::kHugetlb));
  auto untouched = read_frame(**process, *means, memory.start() + 2_MiB);
  ASSERT_TRUE(untouched);
  EXPECT_EQ(untouched->entry_span, page_size());
  // By smaps it is seen that some of the mapping is huge, and by the frame's flags that this may
  // be.
  Means older = *means;
  older.pagemap_scan = older.procmap_query = false;
  auto guessed = read_frame(**process, older, memory.start());
  ASSERT_TRUE(guessed);
  if (guessed->entry_span) {
    EXPECT_EQ(guessed->entry_span, 2_MiB);
  } else {
    EXPECT_NE(guessed->hidden.back().find("page-table walk"), std::string::npos);
  }
  // Other protection for one page: the huge page stays whole, and is mapped page by page.
  ASSERT_EQ(mprotect(memory.memory() + (1 << 20), page_size().value, PROT_READ), 0);
  auto split = read_frame(**process, *means, memory.start());
  ASSERT_TRUE(split);
  EXPECT_EQ(split->entry_span, page_size());
  EXPECT_FALSE(split->flags.has(PageFlag::kHuge));
}

TEST(Frame, IsMappedByASingleEntryWhereSmapsCountsNoHugePages) {
  auto process = Process::open(getpid());
  auto means = probe_means();
  ASSERT_TRUE(process && means);
  Means older = *means;
  older.pagemap_scan = older.procmap_query = false;
  void* const at =
      mmap(nullptr, page_size().value, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(at, MAP_FAILED);
  madvise(at, page_size().value, MADV_NOHUGEPAGE);
  *static_cast<volatile char*>(at) = 1;
  auto frame = read_frame(**process, older, Address{reinterpret_cast<std::uint64_t>(at)});
  munmap(at, page_size().value);
  ASSERT_TRUE(frame) << to_text(frame.error());
  EXPECT_EQ(frame->entry_span, page_size());
}

TEST(Frame, IsWhatPagemapSays) {
  const std::size_t size = page_size().value;
  auto* const at = static_cast<char*>(
      mmap(nullptr, 4 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(at, MAP_FAILED);
  madvise(at, 4 * size, MADV_NOHUGEPAGE);
  at[0] = 1;
  ASSERT_TRUE(mlock(at, size) == 0 || errno == EPERM || errno == ENOMEM);
  const Address here{reinterpret_cast<std::uint64_t>(at)};
  auto process = Process::open(getpid());
  auto means = probe_means();
  ASSERT_TRUE(process && means);
  auto frame = read_frame(**process, *means, here + 17_B);
  ASSERT_TRUE(frame) << to_text(frame.error());
  EXPECT_EQ(frame->entry_span, page_size());
  EXPECT_TRUE(frame->flags.has(PageFlag::kPresent) && frame->flags.has(PageFlag::kExclusive));
  EXPECT_FALSE(frame->flags.has(PageFlag::kFile) || frame->flags.has(PageFlag::kZero));
  std::uint64_t entry = 0;
  const File pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(pread(pagemap.fd(), &entry, 8, static_cast<off_t>(here.value / size * 8)), 8);
  ASSERT_TRUE(frame->entry);
  EXPECT_EQ(*frame->entry & 1ull << 63, entry & 1ull << 63);
  EXPECT_EQ(frame->number.has_value(), means->frames);
  if (means->page_flags) {
    const auto has = [&](const char* name) {
      return std::find(frame->kernel_flags.begin(), frame->kernel_flags.end(), name) !=
             frame->kernel_flags.end();
    };
    EXPECT_TRUE(has("ANON") && has("MMAP"));
    EXPECT_FALSE(has("BUDDY") || has("SLAB") || has("HUGE"));
    EXPECT_EQ(frame->map_count, 1u);
  } else {
    EXPECT_FALSE(frame->hidden.empty());
  }
  auto untouched = read_frame(**process, *means, here + Bytes{2 * size});
  ASSERT_TRUE(untouched);
  EXPECT_EQ(untouched->flags.bits, 0);
  EXPECT_FALSE(untouched->number || untouched->map_count || untouched->numa_node);
  EXPECT_TRUE(untouched->kernel_flags.empty() && untouched->hidden.empty());
  munmap(at, 4 * size);
}

}  // namespace
}  // namespace strata
