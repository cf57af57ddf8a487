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

Address rebuilt(const TableWalk& walk) {
  std::uint64_t value = 0;
  for (const TableWalk::Level& level : walk.levels) value = value << 9 | level.index;
  return {value << 12 | walk.offset};
}

TEST(TableWalk, SplitsAnAddressIntoTheIndexesOfItsLevels) {
  const TableWalk walk = walk_of(Address{0x7ffd5a1c2e40}, 4);
  ASSERT_EQ(walk.levels.size(), 4u);
  EXPECT_EQ(walk.levels[0].name, "PGD");
  EXPECT_EQ(walk.levels[0].index, 255u);
  EXPECT_EQ(walk.levels[3].name, "PTE");
  EXPECT_EQ(walk.offset, 0xe40u);
  EXPECT_EQ(rebuilt(walk), Address{0x7ffd5a1c2e40});
  const TableWalk five = walk_of(Address{0x00ff'ffd5'a1c2'e401}, 5);
  ASSERT_EQ(five.levels.size(), 5u);
  EXPECT_EQ(five.levels[1].name, "P4D");
  EXPECT_EQ(rebuilt(five), Address{0x00ff'ffd5'a1c2'e401});
  EXPECT_EQ(rebuilt(walk_of(Address{0}, 4)), Address{0});
  const int levels = page_table_levels();
  EXPECT_TRUE(levels == 4 || levels == 5);
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
