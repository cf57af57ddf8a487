#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_mappings(int count, std::uint64_t limit) {
  MadeExplanation e;
  for (int i = 1; i < count; ++i) e.add({.account = {"heap", "JVM"}, .resident = 8_KiB});
  e.add({.account = {"code"}, .resident = 1_MiB});
  e->most_mappings = limit;
  return e;
}

TEST(ManyMappings, IsSilentBelowHalfTheLimit) {
  EXPECT_FALSE(check_many_mappings(*with_mappings(50, 101)));
}

TEST(ManyMappings, NamesWhoHasMost) {
  const auto finding = check_many_mappings(*with_mappings(51, 101));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 400_KiB);
  EXPECT_NE(finding->text.find("51 mappings of the 101"), std::string::npos);
  EXPECT_NE(finding->text.find("50 of them are heap / JVM: 400.0 KiB mapped in pieces of 8.0 KiB"),
            std::string::npos);
  EXPECT_NE(finding->action.find("vm.max_map_count=202"), std::string::npos);
}

TEST(ManyMappings, WithoutTheLimitNothingIsSaid) {
  auto e = with_mappings(51, 101);
  e->most_mappings.reset();
  EXPECT_FALSE(check_many_mappings(*e));
}

}  // namespace
}  // namespace strata
