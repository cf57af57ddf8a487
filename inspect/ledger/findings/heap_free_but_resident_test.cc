#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made_heap.h"

namespace strata {
namespace {

TEST(HeapFreeButResident, IsSilentWithoutGlibcAndForLittle) {
  MadeExplanation none;
  none.add({.account = {"heap", "jemalloc"}, .resident = 10_MiB});
  EXPECT_FALSE(check_heap_free_but_resident(*none));
  MadeExplanation e;
  add_glibc(e, {{.live = 91_MiB, .releasable = 9_MiB}});
  EXPECT_FALSE(check_heap_free_but_resident(*e)) << "less than a tenth of the heap";
  MadeExplanation small;
  small.add({.account = {"code"}, .resident = 100_MiB});
  add_glibc(small, {{.live = 1_MiB, .releasable = 4_MiB}});
  EXPECT_FALSE(check_heap_free_but_resident(*small)) << "less than a twentieth of the process";
}

TEST(HeapFreeButResident, TellsWhatGoesBackFromWhatStays) {
  MadeExplanation e;
  add_glibc(e, {{.live = 10_MiB, .releasable = 6_MiB, .pinned = 1_MiB, .untouched = 50_MiB},
                {.live = 1_MiB, .releasable = 2_MiB, .top = 1_MiB}});
  const auto finding = check_heap_free_but_resident(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 10_MiB);
  EXPECT_EQ(finding->text,
            "Freed by the program and kept by glibc, 48 % of what its arenas hold: main arena 7.0 "
            "MiB, arena 1 3.0 MiB. malloc_trim(0) would give back 8.0 MiB of it, in whole pages; "
            "not 1.0 MiB on pages shared with other blocks, nor 1.0 MiB in the arenas' tops.");
  EXPECT_EQ(finding->saves, "8.0 MiB, by malloc_trim(0).");
}

TEST(HeapFreeButResident, AdvisesByWhoKeepsIt) {
  MadeExplanation e;
  add_glibc(e, {{.live = 10_MiB, .pinned = 5_MiB}, {.top = 3_MiB}});
  const auto finding = check_heap_free_but_resident(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->action.find("malloc_trim"), std::string::npos);
  EXPECT_NE(finding->action.find("a pool of their own"), std::string::npos);
  EXPECT_NE(finding->action.find("MALLOC_ARENA_MAX"), std::string::npos);
  EXPECT_EQ(finding->saves, "At most 5.0 MiB on pages that they share. At most 3.0 MiB in tops.");
}

TEST(HeapFreeButResident, LockedPagesAreToBeUnlockedFirst) {
  MadeExplanation e;
  add_glibc(e, {{.live = 10_MiB, .releasable = 5_MiB}});
  for (MappingUsage& usage : e->usage) usage.traits.locked = true;
  const auto finding = check_heap_free_but_resident(*e);
  ASSERT_TRUE(finding);
  EXPECT_TRUE(finding->action.starts_with("Unlock the heap first")) << finding->action;
}

}  // namespace
}  // namespace strata
