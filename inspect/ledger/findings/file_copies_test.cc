#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_copies(Bytes copies, std::vector<std::string> account) {
  MadeExplanation e;
  e.add({.account = std::move(account),
         .resident = copies,
         .file = 20_MiB - copies,
         .name = "/d",
         .inode = 7});
  return e;
}

TEST(FileCopies, IsSilentBelowATwentieth) {
  EXPECT_FALSE(check_file_copies(*with_copies(1_MiB - 4_KiB, {"mapped", "files", "/d"})));
}

TEST(FileCopies, CountsWhatWasWritten) {
  const auto finding = check_file_copies(*with_copies(1_MiB, {"mapped", "files", "/d"}));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 1_MiB);
  EXPECT_NE(finding->text.find("mapped / files / /d 1.0 MiB"), std::string::npos);
}

TEST(FileCopies, ModulesDataIsMeantToBeCopied) {
  EXPECT_FALSE(check_file_copies(*with_copies(8_MiB, {"code and data", "libx.so", ".data"})));
}

}  // namespace
}  // namespace strata
