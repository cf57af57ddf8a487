#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made_heap.h"

namespace strata {
namespace {

void name_thread(MadeExplanation& e, pid_t tid, std::string name) {
  Thread thread;
  thread.tid = tid;
  thread.name = std::move(name);
  e->space.threads.push_back(thread);
}

TEST(HeapArenaHoarding, IsSilentWhereAllHaveSome) {
  MadeExplanation e;
  add_glibc(e, {{.live = 1_MiB, .releasable = 1_MiB, .threads = {1}},
                {.live = 1_MiB, .releasable = 2_MiB + 960_KiB, .threads = {2}}});
  EXPECT_FALSE(check_heap_arena_hoarding(*e)) << "less than three quarters";
}

TEST(HeapArenaHoarding, NamesTheArenaAndItsThreads) {
  MadeExplanation e;
  add_glibc(e, {{.live = 100_KiB, .releasable = 1_MiB, .threads = {1}},
                {.live = 1_MiB, .releasable = 2_MiB, .top = 1_MiB, .threads = {2, 3, 4, 5}}});
  name_thread(e, 2,
              "pe\x1b"
              "ak");
  const auto finding = check_heap_arena_hoarding(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 3_MiB);
  EXPECT_EQ(finding->text,
            "Free and resident in one of 2 arenas, arena 1: 75 % of what all have free. It serves "
            "pe\\x1Bak (2), (3), (4) and 1 more. The others' threads cannot be given it; they hold "
            "100.0 KiB live.");
  EXPECT_NE(finding->action.find("1.0 MiB lies in its top"), std::string::npos);
  EXPECT_EQ(finding->saves, "2.0 MiB, by malloc_trim(0).");
}

TEST(HeapArenaHoarding, WithoutOthersThereIsNobodyToBeGivenIt) {
  MadeExplanation e;
  add_glibc(e, {{.live = 100_KiB, .threads = {}}, {.releasable = 3_MiB, .threads = {2}}});
  EXPECT_FALSE(check_heap_arena_hoarding(*e));
}

TEST(HeapArenaHoarding, TheMainArenaHoardsOnlyWhereOthersHaveMuch) {
  for (const auto& [live, found] : {std::pair{100_KiB, false}, std::pair{1_MiB, true}}) {
    MadeExplanation e;
    add_glibc(
        e, {{.live = 1_MiB, .releasable = 3_MiB, .threads = {1}}, {.live = live, .threads = {2}}});
    EXPECT_EQ(check_heap_arena_hoarding(*e).has_value(), found) << live.value;
  }
}

}  // namespace
}  // namespace strata
