#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_freed(Bytes freed) {
  MadeExplanation e;
  e.add({.account = {"code"}, .resident = 12_MiB});
  e.add({.account = {"heap", "jemalloc", "small"}, .resident = 8_MiB}).lazily_freed = freed;
  return e;
}

TEST(LazilyFreed, IsSilentBelowATwentieth) {
  auto e = with_freed(1_MiB - 4_KiB);
  EXPECT_FALSE(check_lazily_freed(*e));
}

TEST(LazilyFreed, NamesTheMappingWhereAccountsCannotBeTold) {
  auto e = with_freed(1_MiB);
  e->means.page_flags = false;
  const auto finding = check_lazily_freed(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 1_MiB);
  EXPECT_EQ(finding->text,
            "Freed already (MADV_FREE), and resident only until the kernel wants it: "
            "heap / jemalloc / small 1.0 MiB (by mapping: telling accounts apart takes root).");
  EXPECT_NE(finding->action.find("muzzy_decay_ms:0"), std::string::npos);
}

TEST(LazilyFreed, NamesTheAccountWhereAllPagesWereTold) {
  auto e = with_freed(1_MiB);
  Claim piece;
  piece.account = e->ledger.chart().open({"heap", "jemalloc", "small"});
  e->ledger.book_lazily_freed(piece, range_of(Address{0x1000}, 1_MiB));
  const auto finding = check_lazily_freed(*e);
  ASSERT_TRUE(finding);
  EXPECT_NE(finding->text.find("wants it: heap / jemalloc / small 1.0 MiB."), std::string::npos);
}

TEST(LazilyFreed, BytesThatMayBeInUseAgainAreNotSaidByAccount) {
  auto e = with_freed(2_MiB);
  const auto finding = check_lazily_freed(*e);
  ASSERT_TRUE(finding);
  EXPECT_NE(finding->text.find("some of it may be in use again"), std::string::npos);
}

}  // namespace
}  // namespace strata
