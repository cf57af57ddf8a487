#include "inspect/heap/joined_claims.h"

#include <gtest/gtest.h>

#include <string>

namespace strata {
namespace {

constexpr Bytes kUnit = 16_KiB;

class Joined : public ::testing::Test {
 protected:
  Range at(std::uint64_t unit, std::uint64_t units = 1) const {
    return range_of(Address{1 << 30} + kUnit * unit, kUnit * units);
  }
  HeapSurvey survey() {
    HeapSurvey result;
    claims_.move_into(result, "extents");
    return result;
  }
  std::string path(AccountId account) const {
    std::string all;
    for (const std::string& name : chart_.path(account)) all += "/" + name;
    return all;
  }

  Chart chart_;
  JoinedClaims claims_{chart_, 64};
  AccountId slabs_ = chart_.open({"heap", "x", "arena 0", "slabs"});
  AccountId dirty_ = chart_.open({"heap", "x", "arena 0", "dirty"});
  AccountId other_ = chart_.open({"heap", "x", "arena 1", "slabs"});
};

TEST_F(Joined, NeighboursOfOneAccountBecomeOne) {
  for (std::uint64_t i = 0; i < 1000; ++i) claims_.push(at(i), slabs_);
  claims_.push(at(1000), dirty_);
  claims_.push(at(1002), dirty_);  // behind a gap
  const HeapSurvey found = survey();
  ASSERT_EQ(found.claims.size(), 3u);
  EXPECT_EQ(found.claims[0].range, at(0, 1000));
  EXPECT_EQ(found.claims[1].range, at(1000));
  EXPECT_TRUE(found.notes.empty());
}

TEST_F(Joined, WhatComesDownwardsBecomesOneToo) {
  for (std::uint64_t i = 1000; i > 0; --i) claims_.push(at(i - 1), slabs_);
  EXPECT_EQ(survey().claims.size(), 1u);
}

TEST_F(Joined, WhatComesInAnyOrderFindsItsNeighboursWhereRoomIsShort) {
  for (std::uint64_t i = 0; i < 500; ++i) {
    claims_.push(at(i), slabs_);
    claims_.push(at(500 + i), slabs_);
  }
  const HeapSurvey found = survey();
  EXPECT_LE(found.claims.size(), 64u);
  Bytes sum;
  for (const Claim& claim : found.claims) sum += claim.range.size();
  EXPECT_EQ(sum, kUnit * 1000);
  EXPECT_TRUE(found.notes.empty());
}

TEST_F(Joined, EndlessChangeIsFoldedAndTheSumStays) {
  for (std::uint64_t i = 0; i < 100'000; ++i) claims_.push(at(i), i % 2 == 0 ? slabs_ : dirty_);
  claims_.push(at(200'000, 1000), slabs_);
  const HeapSurvey found = survey();
  EXPECT_LE(found.claims.size(), 64u);
  Bytes sum;
  for (const Claim& claim : found.claims) sum += claim.range.size();
  EXPECT_EQ(sum, kUnit * 101'000);
  EXPECT_EQ(path(found.claims.front().account), "/heap/x/arena 0/mixed");
  EXPECT_EQ(path(found.claims.back().account), "/heap/x/arena 0/slabs");
  EXPECT_EQ(found.notes.size(), 1u);
}

TEST_F(Joined, LargeOnesStayApart) {
  // As many small ones as make it fold, each four of them between large ones.
  for (std::uint64_t i = 0; i < 12; ++i) {
    claims_.push(at(i * 1000, 996), dirty_);
    for (std::uint64_t j = 996; j < 1000; ++j) {
      claims_.push(at(i * 1000 + j), j % 2 == 0 ? slabs_ : other_);
    }
  }
  for (std::uint64_t i = 0; i < 12; ++i) claims_.push(at(i * 2 + 20'000), slabs_);
  Bytes dirty;
  Bytes mixed;
  for (const Claim& claim : survey().claims) {
    if (claim.account == dirty_) dirty += claim.range.size();
    if (path(claim.account) == "/heap/x/mixed") mixed += claim.range.size();
  }
  EXPECT_EQ(dirty, kUnit * 996 * 12);
  EXPECT_GT(mixed, 0_B);
}

TEST_F(Joined, AGapIsNeverSpannedAndWhatFindsNoRoomIsSaid) {
  for (std::uint64_t i = 0; i < 1000; ++i) claims_.push(at(i * 2), slabs_);
  const HeapSurvey found = survey();
  ASSERT_EQ(found.claims.size(), 64u);
  for (const Claim& claim : found.claims) EXPECT_EQ(claim.range.size(), kUnit);
  ASSERT_EQ(found.notes.size(), 1u);
  EXPECT_NE(found.notes[0].find("14976 KiB"), std::string::npos) << found.notes[0];
}

TEST_F(Joined, ASearchFindsWhatTouches) {
  for (std::uint64_t i = 0; i < 10; ++i) claims_.push(at(i * 3), slabs_);
  EXPECT_TRUE(claims_.touches(at(2, 2)));
  EXPECT_TRUE(claims_.touches(at(0)));
  EXPECT_FALSE(claims_.touches(at(1, 2)));
  EXPECT_FALSE(claims_.touches(at(28, 100)));
}

}  // namespace
}  // namespace strata
