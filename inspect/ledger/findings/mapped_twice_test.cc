#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {
namespace {

void view(MadeExplanation& e, Bytes bytes, std::uint64_t inode, Bytes offset) {
  e.add({.account = {"mapped", "memfd", "ring"},
         .file = bytes,
         .name = "/memfd:ring",
         .inode = inode,
         .offset = offset,
         .shared = true});
}

TEST(MappedTwice, DifferentPartsOfAFileAreNot) {
  MadeExplanation e;
  view(e, 1_MiB, 7, 0_B);
  view(e, 1_MiB, 7, 1_MiB);
  view(e, 1_MiB, 8, 0_B);
  EXPECT_FALSE(check_mapped_twice(*e));
}

TEST(MappedTwice, CountsWhatOverlaps) {
  MadeExplanation e;
  view(e, 1_MiB, 7, 0_B);
  view(e, 1_MiB, 7, 512_KiB);
  const auto finding = check_mapped_twice(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 512_KiB);
  EXPECT_NE(finding->text.find("/memfd:ring in 2 mappings, 512.0 KiB counted again"),
            std::string::npos);
}

TEST(MappedTwice, CopiesAreNotTheFile) {
  MadeExplanation e;
  for (int i = 0; i < 2; ++i) {
    e.add({.account = {"mapped"}, .resident = 1_MiB, .name = "/x", .inode = 7});
  }
  EXPECT_FALSE(check_mapped_twice(*e));
}

}  // namespace
}  // namespace strata
