#include "inspect/ledger/sweep.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "inspect/ledger/sweep_model.h"

namespace strata {
namespace {

PageFlags flags(PageFlag flag) {
  PageFlags f;
  f.set(flag);
  return f;
}

Claim claim(std::uint64_t start, std::uint64_t end, std::uint32_t account, Rank rank) {
  return {{Address{start}, Address{end}}, AccountId{account}, EvidenceId::kNone, rank};
}

std::string pieces_of(std::vector<Claim> claims) {
  StoredClaims stream(std::move(claims));
  Pieces pieces(stream);
  std::string out;
  for (Claim piece; pieces.next(piece);) {
    out += fmt::format("{}-{}:{} ", piece.range.start.value, piece.range.end.value,
                       static_cast<unsigned>(piece.account));
  }
  return out;
}

// A piece ends where any claim does, also one that loses there.
TEST(Pieces, TheHigherRankHasTheBytes) {
  EXPECT_EQ(pieces_of({claim(0, 100, 1, Rank::kMapping), claim(10, 20, 2, Rank::kSection),
                       claim(5, 60, 3, Rank::kSegment), claim(50, 70, 4, Rank::kStack)}),
            "0-5:1 5-10:3 10-20:2 20-50:3 50-60:4 60-70:4 70-100:1 ");
}

TEST(Pieces, OfEqualRanksTheInnermostHasThem) {
  EXPECT_EQ(pieces_of({claim(0, 100, 1, Rank::kMapping), claim(10, 90, 2, Rank::kHeap),
                       claim(20, 30, 3, Rank::kHeap), claim(10, 15, 4, Rank::kHeap)}),
            "0-10:1 10-15:4 15-20:2 20-30:3 30-90:2 90-100:1 ");
}

TEST(Pieces, WhatIsNotMappedIsDropped) {
  EXPECT_EQ(pieces_of({claim(10, 20, 1, Rank::kMapping), claim(30, 40, 2, Rank::kMapping),
                       claim(0, 100, 3, Rank::kHeap)}),
            "10-20:3 30-40:3 ");
  EXPECT_EQ(pieces_of({claim(0, 100, 3, Rank::kHeap)}), "");
  EXPECT_EQ(pieces_of({}), "");
}

TEST(Pieces, EmptyAndBackwardClaimsAreNothing) {
  EXPECT_EQ(pieces_of({claim(0, 10, 1, Rank::kMapping), claim(5, 5, 2, Rank::kBlock),
                       claim(7, 3, 3, Rank::kBlock), claim(20, 20, 4, Rank::kMapping)}),
            "0-5:1 5-7:1 7-10:1 ");
}

TEST(Pieces, ReachTheEndOfTheAddressSpace) {
  const std::uint64_t top = ~0ull;
  EXPECT_EQ(
      pieces_of({claim(top - 10, top, 1, Rank::kMapping), claim(top - 3, top, 2, Rank::kHeap)}),
      fmt::format("{}-{}:1 {}-{}:2 ", top - 10, top - 3, top - 3, top));
}

TEST(Sweep, BooksEveryRunWhereItOverlaps) {
  StoredClaims claims({claim(0, 100, 1, Rank::kMapping), claim(40, 60, 2, Rank::kHeap),
                       claim(200, 300, 3, Rank::kMapping)});
  std::string out;
  Sweep sweep(claims, {[&](const Claim& piece) {
                         out += fmt::format("m{} ", static_cast<unsigned>(piece.account));
                       },
                       [&](const Claim& piece, Range part, PageFlags) {
                         out += fmt::format("{}-{}:{} ", part.start.value, part.end.value,
                                            static_cast<unsigned>(piece.account));
                       }});
  sweep.add({{Address{0}, Address{10}}, flags(PageFlag::kPresent)});
  sweep.add({{Address{30}, Address{50}}, flags(PageFlag::kPresent)});
  sweep.add({{Address{50}, Address{60}}, flags(PageFlag::kSwapped)});
  sweep.add({{Address{90}, Address{210}}, flags(PageFlag::kPresent)});
  sweep.finish();
  EXPECT_EQ(out, "m1 0-10:1 30-40:1 m2 40-50:2 50-60:2 m1 90-100:1 m3 200-210:3 ");
}

TEST(Sweep, AgreesWithAModelOnRandomScenes) {
  std::mt19937 random(20240229);
  std::vector<std::uint8_t> bytes;
  for (int scene = 0; scene < 1500; ++scene) {
    bytes.resize(random() % 220);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    test::hold_against_model(bytes);
  }
}

}  // namespace
}  // namespace strata
