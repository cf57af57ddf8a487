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
            "3.0 GiB of the 4.0 GiB mapped (VIRT) was reserved and never touched; it takes up no "
            "memory. Who reserved most: heap / JVM 3.0 GiB (its symbols).");
  EXPECT_NE(finding->action.find("-Xmx"), std::string::npos);
}

}  // namespace
}  // namespace strata
