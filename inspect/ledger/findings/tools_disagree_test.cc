#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_shared(Bytes resident, Bytes proportional) {
  MadeExplanation e;
  MappingUsage& u = e.add({.account = {"mapped"}, .resident = resident});
  u.proportional = proportional;
  u.private_dirty = 1_MiB;
  e->moment.after.statm_resident = resident;
  e->moment.after.stat_resident = resident;
  return e;
}

TEST(ToolsDisagree, LibrariesSharedAreNoNews) {
  EXPECT_FALSE(check_tools_disagree(*with_shared(8_MiB, 4_MiB + 4_KiB)));
  EXPECT_FALSE(check_tools_disagree(*with_shared(16_MiB, 12_MiB + 4_KiB)));
}

TEST(ToolsDisagree, SaysWhichToolShowsWhat) {
  const auto finding = check_tools_disagree(*with_shared(16_MiB, 12_MiB));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 4_MiB);
  EXPECT_NE(finding->text.find("say 16.0 MiB"), std::string::npos);
  EXPECT_NE(finding->text.find("PSS says 12.0 MiB"), std::string::npos);
  EXPECT_NE(finding->text.find("frees, is 1.0 MiB"), std::string::npos);
}

TEST(ToolsDisagree, MemoryInNoCounterCosts) {
  auto e = with_shared(4_MiB, 4_MiB);
  e->beside.unmapped_memfds = 256_KiB - 4_KiB;
  e->beside.unmapped_memfds = 204_KiB;
  EXPECT_FALSE(check_tools_disagree(*e));
  e->beside.unmapped_memfds = 208_KiB;
  const auto finding = check_tools_disagree(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 208_KiB);
  EXPECT_EQ(finding->kind, Finding::Kind::kCosts);
  EXPECT_EQ(finding->text,
            "In no tool's RSS: 208.0 KiB in memfds that it holds open "
            "and does not map.");
}

TEST(ToolsDisagree, AnApproximateCounterIsNamed) {
  auto e = with_shared(64_MiB, 64_MiB);
  e->moment.after.stat_resident = 60_MiB;
  const auto finding = check_tools_disagree(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->text,
            "/proc/PID/stat says 60.0 MiB: the kernel keeps it approximate. RSS is 64.0 MiB.");
}

}  // namespace
}  // namespace strata
