#include "inspect/page/lazily_freed.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inspect/page/smaps.h"
#include "inspect/target/process.h"

namespace strata {
namespace {

/// What smaps says of the mapping that holds `at`.
Bytes by_smaps(const Target& target, Address at) {
  auto usage = read_smaps(target);
  if (!usage) return {};
  for (const MappingUsage& u : *usage) {
    if (u.range.contains(at)) return u.lazily_freed;
  }
  return {};
}

TEST(LazilyFreedPages, AreThoseThatSmapsCounts) {
  const Means means = *probe_means();
  if (!means.page_flags) GTEST_SKIP() << "/proc/kpageflags wants root";
  constexpr std::size_t kPages = 512, kFreed = 256;
  const std::size_t page = page_size().value;
  // Pages without access around it, so that it is a mapping of its own.
  auto* const room = static_cast<char*>(
      mmap(nullptr, (kPages + 2) * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(room, MAP_FAILED);
  char* const from = room + page;
  ASSERT_EQ(mprotect(from, kPages * page, PROT_READ | PROT_WRITE), 0);
  madvise(from, kPages * page, MADV_NOHUGEPAGE);
  for (std::size_t i = 0; i < kPages; ++i) from[i * page] = 1;
  ASSERT_EQ(madvise(from, kFreed * page, MADV_FREE), 0);

  auto self = Process::open(getpid());
  ASSERT_TRUE(self);
  auto scanner = PageScanner::open(**self, means);
  ASSERT_TRUE(scanner);
  const Address start{reinterpret_cast<std::uint64_t>(from)};
  // The kernel takes freed pages over in batches: not all need be among them yet, and the figures
  // are of one moment only where smaps says the same before and after.
  Bytes before, after, sum;
  do {
    before = by_smaps(**self, start);
    auto found = find_lazily_freed(**self, *scanner, range_of(start, page_size() * kPages));
    ASSERT_TRUE(found);
    sum = {};
    for (const Range& range : *found) {
      sum += range.size();
      EXPECT_TRUE(range_of(start, page_size() * kFreed).contains(range));
    }
    after = by_smaps(**self, start);
  } while (before != after);
  EXPECT_GT(sum, 0_B);
  EXPECT_EQ(sum, after);
  munmap(room, (kPages + 2) * page);
}

}  // namespace
}  // namespace strata
