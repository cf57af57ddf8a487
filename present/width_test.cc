#include "present/width.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

TEST(Width, OneColumnALetterTwoAnIdeograph) {
  EXPECT_EQ(width_of(""), 0);
  EXPECT_EQ(width_of("strata"), 6);
  EXPECT_EQ(width_of("größe"), 5);
  EXPECT_EQ(width_of("├ heap"), 6);
  EXPECT_EQ(width_of("内存"), 4);
  EXPECT_EQ(width_of("메모리"), 6);
  EXPECT_EQ(width_of("ＡＢ"), 4);
  EXPECT_EQ(width_of("🧠"), 2);
  EXPECT_EQ(width_of("e\u0301"), 1);
}

TEST(Width, WhatIsNotUtf8TakesAColumnAByte) {
  EXPECT_EQ(width_of("\xff\xfe"), 2);
  EXPECT_EQ(width_of("\xe5\x86"), 2);   // cut off
  EXPECT_EQ(width_of("\xe5g\x86"), 3);  // broken off
}

TEST(Width, CutsBetweenCharacters) {
  EXPECT_EQ(first_columns("内存", 4), "内存");
  EXPECT_EQ(first_columns("内存", 3), "内");
  EXPECT_EQ(first_columns("内存", 1), "");
  EXPECT_EQ(first_columns("e\u0301x", 1), "e\u0301");
  EXPECT_EQ(first_columns("abc", 0), "");
}

}  // namespace
}  // namespace strata
