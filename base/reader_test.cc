#include "base/reader.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace strata {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> list) {
  std::vector<std::byte> out;
  for (const int b : list) out.push_back(static_cast<std::byte>(b));
  return out;
}

TEST(Reader, TakesValuesWithoutRegardToAlignment) {
  const auto raw = bytes({9, 1, 0, 0, 0, 2, 0});
  Reader reader(raw, "test");
  EXPECT_EQ(reader.take<std::uint8_t>("a").value(), 9);
  EXPECT_EQ(reader.take<std::uint32_t>("b").value(), 1u);
  EXPECT_EQ(reader.offset(), 5u);
  EXPECT_EQ(reader.left(), 2u);
  EXPECT_EQ(reader.take<std::uint16_t>("c").value(), 2);
  EXPECT_EQ(reader.left(), 0u);
}

TEST(Reader, SaysWhatWasWantedAndWhereItEnds) {
  const auto raw = bytes({1, 2, 3});
  Reader reader(raw, "note X");
  auto failed = reader.take<std::uint32_t>("size");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().cause, Cause::kCorrupt);
  EXPECT_EQ(failed.error().message, "note X ends at offset 3: 4 bytes wanted for size, 3 left");
  EXPECT_EQ(reader.offset(), 0u);  // nothing was taken
}

TEST(Reader, TakesStringsUpToTheirEnd) {
  const auto raw = bytes({'a', 'b', 0, 0, 'c'});
  Reader reader(raw, "test");
  EXPECT_EQ(reader.take_string("one").value(), "ab");
  EXPECT_EQ(reader.take_string("two").value(), "");
  EXPECT_FALSE(reader.take_string("three"));  // no NUL comes
  EXPECT_EQ(reader.left(), 1u);
  EXPECT_EQ(reader.take_bytes("rest", 1).value().size(), 1u);
  EXPECT_FALSE(reader.take_string("four"));
  EXPECT_TRUE(reader.take_bytes("none", 0));
}

TEST(Reader, NeverLeavesItsBytes) {
  const auto raw = bytes({1, 2, 3, 4});
  Reader reader(raw, "test");
  EXPECT_TRUE(reader.seek(4));
  EXPECT_FALSE(reader.seek(5));
  EXPECT_FALSE(reader.seek(~std::size_t{0}));
  EXPECT_EQ(reader.offset(), 4u);
  EXPECT_TRUE(reader.seek(1));
  EXPECT_FALSE(reader.take_bytes("huge", ~std::size_t{0}));
  EXPECT_FALSE(reader.take_bytes("one more", 4));
  EXPECT_EQ(reader.take_bytes("rest", 3).value()[0], std::byte{2});
  Reader empty({}, "nothing");
  EXPECT_FALSE(empty.take<char>("a"));
  EXPECT_FALSE(empty.take_string("b"));
}

}  // namespace
}  // namespace strata
