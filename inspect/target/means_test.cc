#include "inspect/target/means.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace strata {
namespace {

/// Sets STRATA_WITHOUT, and puts back what it was.
class Without {
 public:
  explicit Without(const char* words) {
    if (const char* const was = std::getenv("STRATA_WITHOUT")) was_ = was;
    setenv("STRATA_WITHOUT", words, 1);
  }
  ~Without() {
    was_.empty() ? unsetenv("STRATA_WITHOUT") : setenv("STRATA_WITHOUT", was_.c_str(), 1);
  }
  Without(const Without&) = delete;

 private:
  std::string was_;
};

Means means_without(const char* words) {
  const Without without(words);
  auto means = probe_means();
  EXPECT_TRUE(means) << words;
  return means.value_or(Means{});
}

bool says(const Means& means, std::string_view text) {
  return std::any_of(means.missing.begin(), means.missing.end(),
                     [&](const Lack& lack) { return lack.why.find(text) != std::string::npos; });
}

TEST(Means, WhatIsSwitchedOffIsMissingAndSaid) {
  const Means all = means_without("");
  const Means none = means_without("pagemap_scan,procmap_query,pfn,kpageflags,smaps,ptrace");
  EXPECT_FALSE(none.pagemap_scan || none.procmap_query || none.frames || none.page_flags ||
               none.smaps || none.ptrace);
  for (const char* word : {"pagemap_scan", "pfn", "kpageflags", "smaps", "ptrace"}) {
    EXPECT_TRUE(says(none, word)) << word;
    EXPECT_FALSE(says(all, std::string(word) + " is switched off")) << word;
  }
  EXPECT_TRUE(all.smaps && all.ptrace);
  for (const Lack& lack : none.missing) EXPECT_EQ(lack.by, Lack::By::kHand) << lack.word;
  for (const Lack& lack : all.missing) {
    EXPECT_EQ(lack.by, Lack::By::kMachine) << lack.word;
    EXPECT_FALSE(lack.why.empty()) << lack.word;
  }
}

TEST(Means, EachWordSwitchesItsOwnAlone) {
  const Means all = means_without("");
  const Means scan = means_without("pagemap_scan");
  EXPECT_FALSE(scan.pagemap_scan);
  EXPECT_EQ(scan.frames, all.frames);
  EXPECT_EQ(scan.smaps, all.smaps);
  const Means smaps = means_without("smaps");
  EXPECT_FALSE(smaps.smaps);
  EXPECT_EQ(smaps.pagemap_scan, all.pagemap_scan);
  // Flags of frames cannot be looked up without their numbers.
  EXPECT_FALSE(means_without("pfn").page_flags);
}

TEST(Means, EmptyWordsAreNothingAndUnknownOnesAnError) {
  EXPECT_EQ(means_without(",,").pagemap_scan, means_without("").pagemap_scan);
  EXPECT_FALSE(means_without(",smaps,").smaps);
  for (const char* words : {"smap", "smaps,x", " smaps", "SMAPS", "\x1b[2J"}) {
    const Without without(words);
    auto means = probe_means();
    ASSERT_FALSE(means) << words;
    EXPECT_EQ(means.error().cause, Cause::kUsage);
    EXPECT_EQ(to_text(means.error()).find('\x1b'), std::string::npos);
    EXPECT_NE(means.error().help.find("pagemap_scan"), std::string::npos);
  }
}

}  // namespace
}  // namespace strata
