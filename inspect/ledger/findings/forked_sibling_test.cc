#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_child(Bytes shared, Bytes parted) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 20_MiB});
  e->kinship.by_frames = true;
  e->kinship.compared = 20_MiB;
  e->kinship.shared = shared;
  e->kinship.relatives = {{4243, "redis", Relation::kChild, shared, parted, ""}};
  return e;
}

TEST(ForkedSibling, IsSilentBelowATwentieth) {
  EXPECT_FALSE(check_forked_sibling(*with_child(512_KiB, 512_KiB - 4_KiB)));
}

TEST(ForkedSibling, SaysWhatIsSharedAndWhatParted) {
  const auto finding = check_forked_sibling(*with_child(512_KiB, 512_KiB));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 512_KiB);
  EXPECT_EQ(finding->text,
            "Shared by fork, page by page, of 20.0 MiB of private memory, and counted in each "
            "process. 1 relative compared; closest is child 4243 (redis): 512.0 KiB shared, 512.0 "
            "KiB at the same addresses written apart.");
}

TEST(ForkedSibling, ARelativeThatSharesNothingIsNone) {
  EXPECT_FALSE(check_forked_sibling(*with_child(0_B, 20_MiB)));
}

TEST(ForkedSibling, SaysWhatWasNotCompared) {
  auto e = with_child(10_MiB, 0_B);
  e->kinship.not_compared = 8_GiB;
  e->kinship.relatives.push_back({4244, "x", Relation::kSibling, {}, {}, "Permission denied"});
  const auto finding = check_forked_sibling(*e);
  ASSERT_TRUE(finding);
  EXPECT_NE(finding->text.find("1 could not be read. 8.0 GiB was not compared: --compare-all."),
            std::string::npos);
}

TEST(ForkedSibling, WithoutFramesSmapsTellsHowMuch) {
  MadeExplanation e;
  MappingUsage& u = e.add({.account = {"heap"}, .resident = 20_MiB});
  u.shared_clean = 1_MiB - 4_KiB;
  EXPECT_FALSE(check_forked_sibling(*e));
  u.shared_dirty = 4_KiB;
  const auto finding = check_forked_sibling(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 1_MiB);
  EXPECT_NE(finding->text.find("takes root to tell"), std::string::npos);
}

TEST(ForkedSibling, OneAddressSpaceCountsInBoth) {
  auto e = with_child(20_MiB, 0_B);
  e->kinship.one_address_space = true;
  const auto finding = check_forked_sibling(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 20_MiB);
  EXPECT_NE(finding->text.find("CLONE_VM"), std::string::npos);
}

}  // namespace
}  // namespace strata
