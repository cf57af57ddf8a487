#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_tables(Bytes tables, Bytes resident) {
  MadeExplanation e;
  e.add({.account = {"mapped", "anonymous"}, .resident = resident, .size = 64_GiB});
  e.add({.account = {"code"}, .resident = 4_KiB});
  e->beside.page_tables = tables;
  return e;
}

TEST(PageTables, IsSilentBelowOneMebibyte) {
  EXPECT_FALSE(check_page_tables(*with_tables(1_MiB - 4_KiB, 1_MiB)));
}

TEST(PageTables, IsSilentInProportion) {
  EXPECT_FALSE(check_page_tables(*with_tables(1_MiB, 40_MiB)));
}

TEST(PageTables, NamesWhoseSpanItIs) {
  const auto finding = check_page_tables(*with_tables(129_MiB, 128_MiB - 4_KiB));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 129_MiB);
  EXPECT_NE(finding->text.find("Page tables, outside RSS, for 128.0 MiB of memory"),
            std::string::npos);
  EXPECT_NE(finding->text.find("serve mapped / anonymous: 128.0 MiB held, strewn over 64.0 GiB"),
            std::string::npos);
}

}  // namespace
}  // namespace strata
