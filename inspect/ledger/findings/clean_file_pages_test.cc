#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_clean(Bytes clean, std::vector<std::string> account) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 100_MiB});
  MappingUsage& u =
      e.add({.account = std::move(account), .file = 32_MiB, .name = "/d", .inode = 7});
  u.private_clean = clean;
  u.private_dirty = 32_MiB - clean;
  return e;
}

TEST(CleanFilePages, IsSilentBelow16Mib) {
  EXPECT_FALSE(check_clean_file_pages(*with_clean(16_MiB - 4_KiB, {"mapped", "files", "/d"})));
}

TEST(CleanFilePages, SaysHowMuchAndWhere) {
  const auto finding = check_clean_file_pages(*with_clean(16_MiB, {"mapped", "files", "/d"}));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 16_MiB);
  EXPECT_NE(finding->text.find("mapped / files / /d 16.0 MiB"), std::string::npos);
}

TEST(CleanFilePages, CodeAndMemfdsAreNone) {
  EXPECT_FALSE(check_clean_file_pages(*with_clean(32_MiB, {"code and data", "libx.so", ".text"})));
  EXPECT_FALSE(check_clean_file_pages(*with_clean(32_MiB, {"mapped", "memfd", "x"})));
}

TEST(CleanFilePages, WhatTheKernelCountsAsSharedMemoryIsNoFile) {
  auto e = with_clean(32_MiB, {"mapped", "files", "/run/x"});
  e->moment.after.resident_file = 1_MiB;
  EXPECT_FALSE(check_clean_file_pages(*e));
}

TEST(CleanFilePages, LazilyFreedCopiesOfAFileAreNotItsPages) {
  MadeExplanation e;
  MappingUsage& u = e.add({.account = {"mapped", "files", "/d"}, .resident = 64_MiB, .inode = 7});
  u.private_clean = 64_MiB;
  EXPECT_FALSE(check_clean_file_pages(*e));
}

}  // namespace
}  // namespace strata
