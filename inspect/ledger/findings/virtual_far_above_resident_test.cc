#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

TEST(VirtualFarAboveResident, IsSilentBelowOneGibibyte) {
  MadeExplanation e;
  e.add({.account = {"mapped"}, .resident = 4_KiB, .size = 1_GiB});
  EXPECT_FALSE(check_virtual_far_above_resident(*e));
}

TEST(VirtualFarAboveResident, IsSilentBelowFourTimes) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 1_GiB, .size = 4_GiB - 4_KiB});
  EXPECT_FALSE(check_virtual_far_above_resident(*e));
}

TEST(VirtualFarAboveResident, NamesWhoReservedAndWhy) {
  MadeExplanation e;
  e.add({.account = {"heap", "JVM"}, .resident = 1_GiB, .size = 4_GiB, .evidence = "its symbols"});
  const auto finding = check_virtual_far_above_resident(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 3_GiB);
  EXPECT_EQ(finding->kind, Finding::Kind::kExplains);
  EXPECT_EQ(finding->text,
            "Reserved and never touched, of 4.0 GiB mapped (VIRT); it takes up no memory. Who "
            "reserved most: heap / JVM 3.0 GiB (its symbols).");
  EXPECT_NE(finding->action.find("-Xmx"), std::string::npos);
}

TEST(VirtualFarAboveResident, ManyAlikeAreNamedByWhatTheyAreTogether) {
  MadeExplanation e;
  for (int i = 0; i < 100; ++i) {
    const std::string thread = fmt::format("thread {}", i);
    e.add({.account = {"stacks", thread}, .resident = 4_KiB, .size = 100_MiB});
  }
  const auto finding = check_virtual_far_above_resident(*e);
  ASSERT_TRUE(finding);
  EXPECT_NE(finding->text.find("Who reserved most: stacks 9.8 GiB."), std::string::npos)
      << finding->text;
  EXPECT_NE(finding->action.find("ulimit -s"), std::string::npos);
}

TEST(VirtualFarAboveResident, WhatNobodyOwnsIsShownByAddress) {
  MadeExplanation e;
  e.add({.account = {"unexplained"}, .resident = 4_KiB, .size = 4_GiB});
  e.add({.account = {"code"}, .resident = 4_KiB, .size = 1_MiB});
  const auto finding = check_virtual_far_above_resident(*e);
  ASSERT_TRUE(finding);
  EXPECT_NE(finding->text.find("largest at 0x10000000, 4.0 GiB)."), std::string::npos);
  EXPECT_EQ(finding->text.find("code"), std::string::npos);
}

}  // namespace
}  // namespace strata
