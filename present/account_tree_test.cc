#include "present/account_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace strata {
namespace {

class Books {
 public:
  void book(std::initializer_list<std::string_view> path, Bytes size, Bytes resident) {
    book(ledger.chart().open(path), size, resident);
  }
  void book(AccountId account, Bytes size, Bytes resident) {
    PageFlags present;
    present.set(PageFlag::kPresent);
    const Claim piece{range_of(at_, size), account, EvidenceId::kNone, Rank::kMapping};
    ledger.book_mapped(piece);
    ledger.book_pages(piece, range_of(at_, resident), present);
    at_ = at_ + size + 1_B;
  }
  Ledger ledger;

 private:
  Address at_;
};

std::size_t column(const Table& t, std::string_view key) {
  for (std::size_t i = 0; i < t.columns.size(); ++i) {
    if (t.columns[i].key == key) return i;
  }
  ADD_FAILURE() << "no column " << key;
  return 0;
}

Bytes bytes(const Table& t, const Table::Row& row, std::string_view key) {
  return std::get<Bytes>(row.cells[column(t, key)]);
}

Bytes sum_of_leaves(const Table& t, std::string_view key) {
  Bytes sum;
  for (const Table::Row& row : t.rows) {
    if (row.leaf) sum += bytes(t, row, key);
  }
  return sum;
}

std::vector<std::string> shown_names(const Table& t) {
  std::vector<std::string> names;
  for (const Table::Row& row : t.rows) {
    if (row.shown) names.push_back(std::get<std::string>(row.cells.back()));
  }
  return names;
}

TEST(AccountTree, AnAccountWithItsOwnBytesAndAccountsBelowHasALeafForThem) {
  Books books;
  books.book({"heap"}, 100_B, 10_B);
  books.book({"heap", "glibc"}, 200_B, 20_B);
  books.book({"stacks"}, 50_B, 5_B);
  const Table t = account_tree(books.ledger, {});
  EXPECT_EQ(sum_of_leaves(t, "resident_bytes"), 35_B);
  EXPECT_EQ(sum_of_leaves(t, "virtual_bytes"), 350_B);
  std::set<Path> paths;
  for (const Table::Row& row : t.rows) {
    if (row.leaf) EXPECT_TRUE(paths.insert(std::get<Path>(row.cells[0])).second);
  }
  EXPECT_EQ(paths, (std::set<Path>{{"heap", "glibc"}, {"heap", "other"}, {"stacks"}}));
  EXPECT_EQ(shown_names(t),
            (std::vector<std::string>{"resident", "heap", "glibc", "other", "stacks"}));
}

TEST(AccountTree, IsSortedBySizeWithinEachAccount) {
  Books books;
  books.book({"small"}, 10_B, 10_B);
  books.book({"large", "b"}, 10_B, 10_B);
  books.book({"large", "a"}, 30_B, 30_B);
  books.book({"wide"}, 500_B, 20_B);
  const Table t = account_tree(books.ledger, {});
  EXPECT_EQ(shown_names(t),
            (std::vector<std::string>{"resident", "large", "a", "b", "wide", "small"}));
  EXPECT_EQ(t.rows[0].depth, 0);
  EXPECT_EQ(t.rows[2].depth, 2);
}

TEST(AccountTree, FoldsTheSmallAndTheShownStillAddUp) {
  Books books;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "n" + std::to_string(i);
    books.book({"files", name}, 5000_B, Bytes{static_cast<std::uint64_t>(100 + i)});
  }
  const Table t = account_tree(books.ledger, {});
  Bytes shown_leaves;
  bool folded = false;
  for (const Table::Row& row : t.rows) {
    const auto& name = std::get<std::string>(row.cells.back());
    folded |= name.starts_with("… ") && name.ends_with(" more");
    if (row.shown && row.depth == 2) shown_leaves += bytes(t, row, "resident_bytes");
  }
  EXPECT_TRUE(folded);
  EXPECT_EQ(shown_leaves, bytes(t, t.rows[0], "resident_bytes"));
  EXPECT_LT(shown_names(t).size(), 30u);
  // JSON and --all have every one.
  EXPECT_EQ(sum_of_leaves(t, "resident_bytes"), books.ledger.sum().resident);
  EXPECT_EQ(std::count_if(t.rows.begin(), t.rows.end(), [](const auto& r) { return r.leaf; }), 60);
  const Table all =
      account_tree(books.ledger, {AccountTree::By::kResident, AccountTree::Rows::kAll});
  EXPECT_EQ(shown_names(all).size(), 62u);
}

/// What is shown below a shown account adds up to it, where anything is shown there.
void expect_shown_to_add_up(const Table& t, double tolerance) {
  for (std::size_t r = 0; r < t.rows.size(); ++r) {
    if (!t.rows[r].shown) continue;
    Bytes sum;
    bool any = false;
    for (std::size_t i = r + 1; i < t.rows.size() && t.rows[i].depth > t.rows[r].depth; ++i) {
      if (t.rows[i].depth != t.rows[r].depth + 1 || !t.rows[i].shown) continue;
      any = true;
      sum += bytes(t, t.rows[i], "resident_bytes");
    }
    if (!any) continue;
    const auto whole = static_cast<double>(bytes(t, t.rows[r], "resident_bytes").value);
    EXPECT_NEAR(static_cast<double>(sum.value), whole, tolerance * whole)
        << std::get<std::string>(t.rows[r].cells.back());
  }
}

TEST(AccountTree, OfThousandsOfSmallAccountsShowsTheLargestAndSaysTheRest) {
  Books books;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = "thread " + std::to_string(i);
    books.book({"stacks", name, "used"}, 9000_B, Bytes{static_cast<std::uint64_t>(5000 + i)});
    books.book({"stacks", name, "touched below"}, 9000_B, 100_B);
  }
  books.book({"heap"}, 5000_B, 5000_B);
  const Table t = account_tree(books.ledger, {});
  EXPECT_EQ(shown_names(t),
            (std::vector<std::string>{"resident", "stacks", "thread 1999", "thread 1998",
                                      "thread 1997", "… 1997 more", "… 1 more"}));
  expect_shown_to_add_up(t, 0);
  EXPECT_EQ(account_footnote(t), "largest first; 4 of 6002 accounts, --all shows every one");
  const Table all =
      account_tree(books.ledger, {AccountTree::By::kResident, AccountTree::Rows::kAll});
  EXPECT_EQ(account_footnote(all), "largest first");
}

TEST(AccountTree, OfEqualsAtTheLimitShowsAFewAndSaysTheRest) {
  Books books;
  for (int i = 0; i < 60; ++i) {
    books.book({"stacks", "thread " + std::to_string(i)}, 9000_B, 4096_B);
  }
  const Table t = account_tree(books.ledger, {});
  EXPECT_EQ(shown_names(t).size(), 6u);
  EXPECT_EQ(shown_names(t).back(), "… 57 more");
  expect_shown_to_add_up(t, 0);
}

TEST(AccountTree, WhatAnAccountHasOfItsOwnIsPartOfTheRest) {
  Books books;
  books.book({"heap"}, 9000_B, 3_B);
  for (int i = 0; i < 400; ++i) {
    books.book({"heap", std::to_string(i)}, 9000_B, Bytes{static_cast<std::uint64_t>(10 + i)});
  }
  const Table t = account_tree(books.ledger, {});
  EXPECT_EQ(shown_names(t).back(), "… 398 more");
  expect_shown_to_add_up(t, 0);
}

TEST(AccountTree, LeavesAddUpOnRandomLedgers) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Books books;
    std::vector<AccountId> accounts{books.ledger.chart().open({"a"})};
    for (int i = 0; i < 40; ++i) {
      const AccountId parent =
          random() % 4 == 0 ? AccountId::kRoot : accounts[random() % accounts.size()];
      accounts.push_back(books.ledger.chart().open(parent, std::to_string(random() % 9)));
      const Bytes size{random() % 10'000 + 1};
      books.book(accounts.back(), size, Bytes{random() % (size.value + 1)});
    }
    for (const auto rows : {AccountTree::Rows::kWidest, AccountTree::Rows::kAll}) {
      const Table t = account_tree(books.ledger, {AccountTree::By::kResident, rows});
      EXPECT_EQ(sum_of_leaves(t, "resident_bytes"), books.ledger.sum().resident);
      EXPECT_EQ(sum_of_leaves(t, "virtual_bytes"), books.ledger.sum().virtual_size);
      EXPECT_EQ(bytes(t, t.rows[0], "resident_bytes"), books.ledger.sum().resident);
      expect_shown_to_add_up(t, 0.05);
      // What is shown hangs together: the row above a shown one at each depth is shown too.
      std::vector<bool> shown_at(64, false);
      for (const Table::Row& row : t.rows) {
        shown_at[static_cast<std::size_t>(row.depth)] = row.shown;
        if (row.shown && row.depth > 0) {
          EXPECT_TRUE(shown_at[static_cast<std::size_t>(row.depth) - 1]);
        }
      }
    }
  }
}

TEST(AccountTree, OfNothingIsTheRootAlone) {
  const Table t = account_tree(Ledger{}, {});
  ASSERT_EQ(t.rows.size(), 1u);
  EXPECT_EQ(shown_names(t), std::vector<std::string>{"resident"});
}

TEST(AccountTree, OfACoreGoesByWhatTheFileHolds) {
  Books books;
  PageFlags held;
  held.set(PageFlag::kHeld);
  const AccountId a = books.ledger.chart().open({"a"});
  const Claim piece{range_of(Address{0}, 10_B), a, EvidenceId::kNone, Rank::kMapping};
  books.ledger.book_mapped(piece);
  books.ledger.book_pages(piece, range_of(Address{0}, 4_B), held);
  const Table t = account_tree(books.ledger, {AccountTree::By::kHeld, AccountTree::Rows::kWidest});
  EXPECT_EQ(sum_of_leaves(t, "held_bytes"), 4_B);
  for (const Column& c : t.columns) EXPECT_NE(c.key, "resident_bytes");
}

}  // namespace
}  // namespace strata
