#include "inspect/ledger/ledger.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

PageFlags flags(std::initializer_list<PageFlag> list) {
  PageFlags f;
  for (const PageFlag flag : list) f.set(flag);
  return f;
}

Range range(std::uint64_t start, std::uint64_t end) { return {Address{start}, Address{end}}; }

TEST(Measure, EachStateHasOneFigure) {
  using F = PageFlag;
  const auto measured = [](std::initializer_list<PageFlag> list) {
    Measure m;
    m.virtual_size = 100_B;
    m.add(flags(list), 4_B);
    return m;
  };
  EXPECT_EQ(measured({F::kPresent}).resident, 4_B);
  EXPECT_EQ(measured({F::kPresent}).anonymous, 4_B);
  EXPECT_EQ(measured({F::kPresent, F::kFile}).resident, 4_B);
  EXPECT_EQ(measured({F::kPresent, F::kFile}).anonymous, 0_B);
  EXPECT_EQ(measured({F::kPresent, F::kHuge}).huge, 4_B);
  EXPECT_EQ(measured({F::kSwapped}).swapped, 4_B);
  EXPECT_EQ(measured({F::kSwapped}).resident, 0_B);
  EXPECT_EQ(measured({F::kPresent, F::kZero}).zero, 4_B);
  EXPECT_EQ(measured({F::kPresent, F::kZero, F::kHuge}).huge, 0_B);
  EXPECT_EQ(measured({F::kPresent, F::kZero}).resident, 0_B);
  EXPECT_EQ(measured({F::kGuard}).guard, 4_B);
  EXPECT_EQ(measured({F::kPresent, F::kHugetlb, F::kHuge}).hugetlb, 4_B);
  EXPECT_EQ(measured({F::kPresent, F::kHugetlb}).resident, 0_B);
  EXPECT_EQ(measured({F::kPresent, F::kUncounted}).uncounted, 4_B);
  EXPECT_EQ(measured({F::kUnknown}).unknown, 4_B);
  EXPECT_EQ(measured({F::kHeld}).held, 4_B);
  for (const auto f : {F::kPresent, F::kSwapped, F::kGuard, F::kUnknown}) {
    EXPECT_EQ(measured({f}).untouched(), 96_B);
  }
}

TEST(Measure, NeverClaimsLessThanNothingUntouched) {
  Measure m;
  m.virtual_size = 1_B;
  m.add(flags({PageFlag::kPresent}), 2_B);
  EXPECT_EQ(m.untouched(), 0_B);
}

TEST(Ledger, TotalsHoldAllThatIsBelow) {
  Ledger ledger;
  const AccountId heap = ledger.chart().open({"heap"});
  const AccountId main = ledger.chart().open({"heap", "glibc", "main arena"});
  const Claim own{range(0, 10), heap, EvidenceId::kNone, Rank::kHeap};
  const Claim below{range(10, 40), main, ledger.chart().because("it says so"), Rank::kHeap};
  ledger.book_mapped(own);
  ledger.book_pages(own, range(2, 5), flags({PageFlag::kPresent}));
  ledger.book_mapped(below);
  ledger.book_pages(below, range(10, 20), flags({PageFlag::kSwapped}));
  const auto totals = ledger.totals();
  EXPECT_EQ(totals[static_cast<std::size_t>(heap)].virtual_size, 40_B);
  EXPECT_EQ(totals[static_cast<std::size_t>(heap)].resident, 3_B);
  EXPECT_EQ(totals[static_cast<std::size_t>(heap)].swapped, 10_B);
  EXPECT_EQ(totals[0].virtual_size, ledger.sum().virtual_size);
  EXPECT_EQ(ledger.own(heap).virtual_size, 10_B);
  EXPECT_EQ(ledger.chart().sentence(ledger.evidence(main)), "it says so");
  EXPECT_EQ(ledger.evidence(heap), EvidenceId::kNone);
  // Accounts that were opened and never booked are there, and empty.
  const AccountId late = ledger.chart().open({"late"});
  EXPECT_EQ(ledger.own(late).virtual_size, 0_B);
  EXPECT_EQ(ledger.totals().size(), ledger.chart().size());
  EXPECT_TRUE(ledger.unexplained().empty());
  ledger.clear();
  EXPECT_EQ(ledger.sum().virtual_size, 0_B);
  EXPECT_EQ(ledger.chart().open({"heap", "glibc", "main arena"}), main);
}

TEST(Ledger, KeepsTheRangesThatNobodyClaims) {
  Ledger ledger;
  const AccountId nobody = ledger.chart().open({"unexplained"});
  const auto book = [&](std::uint64_t start, std::uint64_t end, std::uint64_t resident) {
    const Claim piece{range(start, end), nobody, EvidenceId::kNone, Rank::kMapping};
    ledger.book_mapped(piece);
    if (resident > 0) {
      ledger.book_pages(piece, range(start, start + resident), flags({PageFlag::kPresent}));
    }
    ledger.book_pages(piece, range(end - 1, end), flags({PageFlag::kSwapped}));
  };
  book(0, 10, 3);
  book(10, 20, 4);  // goes on
  book(50, 60, 0);
  ASSERT_EQ(ledger.unexplained().size(), 2u);
  EXPECT_EQ(ledger.unexplained()[0].range, range(0, 20));
  EXPECT_EQ(ledger.unexplained()[0].resident, 7_B);
  EXPECT_EQ(ledger.unexplained()[1].resident, 0_B);
  EXPECT_EQ(ledger.own(nobody).swapped, 3_B);
}

}  // namespace
}  // namespace strata
