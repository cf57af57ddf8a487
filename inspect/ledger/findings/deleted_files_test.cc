#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

MadeExplanation with_file(const char* name, bool executable, Bytes file) {
  MadeExplanation e;
  e.add({.account = {"heap"}, .resident = 20_MiB});
  e.add({.account = {"x"},
         .file = file,
         .name = name,
         .inode = 7,
         .deleted = true,
         .executable = executable});
  return e;
}

TEST(DeletedFiles, OldCodeIsSaidHoweverSmall) {
  const auto finding = check_deleted_files(*with_file("/lib/x.so", true, 4_KiB));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 4_KiB);
  EXPECT_EQ(finding->text, "A file deleted and still mapped: /lib/x.so. The old code still runs.");
}

TEST(DeletedFiles, ScratchFilesOnlyWhereTheyAreLarge) {
  EXPECT_FALSE(check_deleted_files(*with_file("/tmp/x", false, 1_MiB)));
  const auto finding = check_deleted_files(*with_file("/tmp/x", false, 2_MiB));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->kind, Finding::Kind::kExplains);
}

TEST(DeletedFiles, MemoryWithAFilesNameIsNone) {
  EXPECT_FALSE(check_deleted_files(*with_file("/memfd:jit", true, 8_MiB)));
  EXPECT_FALSE(check_deleted_files(*with_file("/dev/zero", false, 8_MiB)));
  EXPECT_FALSE(check_deleted_files(*with_file("/SYSV00000000", false, 8_MiB)));
}

}  // namespace
}  // namespace strata
