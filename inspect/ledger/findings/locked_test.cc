#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

TEST(Locked, IsSilentBelowATwentieth) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 19_MiB + 4_KiB});
  MappingUsage& u = e.add({.account = {"keys"}, .resident = 1_MiB - 4_KiB});
  u.traits.locked = true;
  EXPECT_FALSE(check_locked(*e));
}

TEST(Locked, CountsWhatIsResident) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 19_MiB});
  MappingUsage& u = e.add({.account = {"keys"}, .resident = 1_MiB});
  u.traits.locked = true;
  u.locked = 512_KiB;  // its share, where another process has it too
  const auto finding = check_locked(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 1_MiB);
  EXPECT_NE(finding->text.find("keys 1.0 MiB"), std::string::npos);
}

}  // namespace
}  // namespace strata
