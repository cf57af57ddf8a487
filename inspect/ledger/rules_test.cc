#include <gtest/gtest.h>

#include <set>

#include "inspect/ledger/finding.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

TEST(Rules, AreNamedOnceEach) {
  std::set<std::string_view> ids;
  for (const Rule& rule : rules()) EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
}

TEST(Rules, AnEmptyProcessHasNoFindings) { EXPECT_TRUE(find_findings(Explanation{}).empty()); }

TEST(Rules, WhatCostsComesBeforeWhatExplains) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 10_MiB, .size = 64_GiB, .swapped = 1_MiB});
  const auto findings = find_findings(*e);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].id, "swapped");
  EXPECT_EQ(findings[1].id, "virtual-far-above-resident");
}

TEST(Rules, ACoreHasNone) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 10_MiB, .size = 64_GiB});
  e->identity.kind = TargetKind::kCore;
  EXPECT_TRUE(find_findings(*e).empty());
}

}  // namespace
}  // namespace strata
