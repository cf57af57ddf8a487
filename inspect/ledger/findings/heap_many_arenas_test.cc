#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made_heap.h"

namespace strata {
namespace {

MadeExplanation with_arenas(std::size_t count, Bytes free) {
  MadeExplanation e;
  std::vector<MadeArena> arenas{{.live = 2_MiB, .releasable = 8_MiB}};
  while (arenas.size() < count) arenas.push_back({.live = 100_KiB, .releasable = free});
  auto& contents = add_glibc(e, arenas);
  for (glibc::Arena& arena : contents.heap.arenas) {
    const Range range = range_of(Address{0x7f0000000000}, 64_MiB);
    if (!arena.is_main) arena.regions.push_back({range, range, ""});
  }
  return e;
}

TEST(HeapManyArenas, FewOrEmptyOnesAreSilent) {
  EXPECT_FALSE(check_heap_many_arenas(Explanation{}));
  EXPECT_FALSE(check_heap_many_arenas(*with_arenas(7, 1_MiB)));
  EXPECT_FALSE(check_heap_many_arenas(*with_arenas(8, 80_KiB))) << "480 KiB in 11 MiB";
}

TEST(HeapManyArenas, CountsWhatLiesBeyondTheTwoWithMost) {
  auto e = with_arenas(9, 1_MiB);
  const auto finding = check_heap_many_arenas(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 7_MiB);
  EXPECT_EQ(finding->text,
            "Free and resident in 7 of 9 arenas, beside what the 2 with most keep: what was freed "
            "in one is no use to the threads of another. All arenas hold 2.8 MiB live, 16.0 MiB "
            "free and resident, and 512.0 MiB of address space beside the main one's. No limit is "
            "set but glibc's own, which goes by the number of cores.");
  EXPECT_NE(finding->action.find("MALLOC_ARENA_MAX=2 "), std::string::npos);
  EXPECT_TRUE(finding->saves.starts_with("At most 7.0 MiB of RSS, if")) << finding->saves;
}

}  // namespace
}  // namespace strata
