#include "inspect/ledger/losses.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

using Sentences = std::vector<std::string>;

Explanation of_an_ordinary_user() {
  Explanation e;
  e.identity.kind = TargetKind::kProcess;
  e.means.missing = {{"pfn", "frames want root"}, {"kpageflags", "flags want root"}};
  return e;
}

TEST(Losses, WhatNothingNeededIsNotNamed) {
  EXPECT_EQ(name_losses(of_an_ordinary_user()), Sentences{});
}

TEST(Losses, FramesAreMissedWhereThereAreRelativesToCompare) {
  Explanation e = of_an_ordinary_user();
  e.kinship.relatives.push_back({42, "worker", Relation::kChild});
  EXPECT_EQ(name_losses(e),
            Sentences{"forked relatives are not compared page by page: frames want root"});
  e.kinship.by_frames = true;
  EXPECT_EQ(name_losses(e), Sentences{});
}

TEST(Losses, PageFlagsAreMissedWhereMemoryWasLazilyFreed) {
  Explanation e = of_an_ordinary_user();
  e.usage.emplace_back();
  EXPECT_EQ(name_losses(e), Sentences{});
  e.usage.back().lazily_freed = 4_KiB;
  EXPECT_EQ(name_losses(e),
            Sentences{"what MADV_FREE gave up is not told by account: flags want root"});
}

TEST(Losses, WhatIsSwitchedOffByHandIsNamedAlways) {
  Explanation e = of_an_ordinary_user();
  e.means.missing = {{"ptrace", "ptrace is off", Lack::By::kHand},
                     {"pagemap_scan", "it is off", Lack::By::kHand}};
  EXPECT_EQ(name_losses(e),
            (Sentences{"ptrace is off", "pages are read entry by entry: it is off"}));
}

TEST(Losses, ACoreMissesNothingOfThisMachine) {
  Explanation e = of_an_ordinary_user();
  e.identity.kind = TargetKind::kCore;
  e.means.missing.push_back({"smaps", "none", Lack::By::kHand});
  EXPECT_EQ(name_losses(e), Sentences{});
}

}  // namespace
}  // namespace strata
