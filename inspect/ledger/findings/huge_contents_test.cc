#include "inspect/ledger/findings/huge_contents.h"

#include <gtest/gtest.h>

#include "inspect/space/image_fake.h"

namespace strata {
namespace {

constexpr Address kStart{0x40000000};

/// A mapping of 8 MiB whose bytes are those of an image, and zero behind it.
class HugeContentsTest : public testing::Test {
 protected:
  HugeContentsTest() {
    target_.image.resize((4_MiB).value);
    target_.mappings = {file_mapping(range_of(kStart, 8_MiB), 0_B, "rw-")};
  }
  HugeContents count(std::vector<Range> ranges) {
    return count_zero(PresentMemory(target_, nullptr), ranges,
                      [this](std::string_view, double share) { shares_.push_back(share); });
  }
  FakeTarget target_;
  std::vector<double> shares_;
};

TEST_F(HugeContentsTest, OneByteKeepsItsPageFromBeingZero) {
  target_.image[0] = std::byte{1};                          // the first byte of a page
  target_.image[3 * page_size().value - 1] = std::byte{1};  // the last byte of another
  const HugeContents c = count({range_of(kStart, 4_MiB)});
  EXPECT_EQ(c.read, 4_MiB);
  EXPECT_EQ(c.zero, 4_MiB - page_size() * 2);
  EXPECT_EQ(c.unread, 0_B);
}

TEST_F(HugeContentsTest, WhatCannotBeReadIsNotZero) {
  const HugeContents c = count({range_of(kStart + 6_MiB, 4_MiB)});
  EXPECT_EQ(c.read, 2_MiB);
  EXPECT_EQ(c.zero, 2_MiB);
  EXPECT_EQ(c.unread, 2_MiB);
}

TEST_F(HugeContentsTest, SaysHowFarItIs) {
  const HugeContents c = count({range_of(kStart, 2_MiB), range_of(kStart + 4_MiB, 4_MiB)});
  EXPECT_EQ(c.read, 6_MiB);
  EXPECT_EQ(shares_, (std::vector<double>{1.0 / 3, 2.0 / 3, 1}));
}

}  // namespace
}  // namespace strata
