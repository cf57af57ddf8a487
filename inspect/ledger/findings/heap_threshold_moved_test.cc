#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made_heap.h"

namespace strata {
namespace {

MadeExplanation with_threshold(Bytes threshold, const MadeArena& arena) {
  MadeExplanation e;
  glibc::Parameters& parameters = *add_glibc(e, {arena}).heap.parameters;
  parameters.mmap_threshold = threshold;
  parameters.trim_threshold = threshold * 2;
  return e;
}

TEST(HeapThresholdMoved, IsSilentWhereItHasNotOrCannot) {
  const MadeArena arena{.live = 2_MiB, .releasable = 8_MiB};
  EXPECT_FALSE(check_heap_threshold_moved(*with_threshold(128_KiB, arena)));
  EXPECT_FALSE(check_heap_threshold_moved(*with_threshold(4_MiB, {.live = 100_KiB})));
  MadeExplanation e;
  auto& parameters = *add_glibc(e, {arena}).heap.parameters;
  parameters.mmap_threshold = 4_MiB;
  parameters.thresholds_move = false;
  EXPECT_FALSE(check_heap_threshold_moved(*e)) << "somebody has set it";
}

TEST(HeapThresholdMoved, WhatLargeBlocksLeftFreeCosts) {
  auto e = with_threshold(20_MiB, {.live = 2_MiB, .releasable = 7_MiB, .top = 1_MiB});
  const auto finding = check_heap_threshold_moved(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->kind, Finding::Kind::kCosts);
  EXPECT_EQ(finding->bytes, 2_MiB + 7_MiB + 1_MiB - 256_KiB);
  EXPECT_EQ(
      finding->text,
      "In the heap in blocks of 128.0 KiB and more: 2.0 MiB live in 1 chunk, 7.8 MiB free and "
      "resident, in holes or at the tops. A freed block of 20.0 MiB has moved mmap_threshold "
      "there: smaller ones no longer get a mapping that free() gives back. The top is trimmed "
      "above 40.0 MiB (trim_threshold).");
  EXPECT_TRUE(finding->saves.starts_with("At most 7.8 MiB now")) << finding->saves;
}

TEST(HeapThresholdMoved, WhatIsLiveOnlyExplains) {
  auto e = with_threshold(20_MiB, {.live = 4_MiB});
  const auto finding = check_heap_threshold_moved(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->kind, Finding::Kind::kExplains);
  EXPECT_EQ(finding->bytes, 4_MiB);
  e.add({.account = {"code"}, .resident = 13_MiB});
  EXPECT_FALSE(check_heap_threshold_moved(*e)) << "less than a quarter of the process";
}

TEST(HeapThresholdMoved, WhatIsNotResidentIsNotCounted) {
  auto e = with_threshold(20_MiB, {.live = 100_KiB, .pinned = 1_MiB, .untouched = 7_MiB});
  const auto finding = check_heap_threshold_moved(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 1_MiB);
}

}  // namespace
}  // namespace strata
