// present/account_tree.h - a ledger's accounts as a tree, widest first.
#pragma once

#include <string>

#include "inspect/ledger/ledger.h"
#include "present/document.h"

namespace strata {

struct AccountTree {
  /// What the tree is sorted and cut by.
  enum class By { kResident, kHeld } by = By::kResident;
  enum class Rows { kWidest, kAll } rows = Rows::kWidest;
  /// Whether it is known by account what MADV_FREE gave up; kHidden leaves the figure out.
  enum class LazilyFreed { kTold, kHidden } lazily_freed = LazilyFreed::kTold;
};

/// Leaves carry their path for JSON; in text small accounts are folded into "… N more".
Table account_tree(const Ledger& ledger, const AccountTree& how);

/// How it is sorted, and how many of its accounts have no row of their own.
std::string account_footnote(const Table& tree);

}  // namespace strata
