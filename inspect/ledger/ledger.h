// inspect/ledger/ledger.h - every byte of the target in exactly one account.
// The noun that carries the inspector: what is printed is a view of it.
#pragma once

#include <vector>

#include "inspect/ledger/measure.h"
#include "inspect/page/page_run.h"
#include "inspect/space/chart.h"
#include "inspect/space/claim.h"

namespace strata {

/// A range that nobody claims.
struct Unexplained {
  Range range;
  Bytes resident;
};

class Ledger {
 public:
  Chart& chart() { return chart_; }
  const Chart& chart() const { return chart_; }

  void book_mapped(const Claim& piece);
  void book_pages(const Claim& piece, Range part, PageFlags flags);
  /// Of pages that were booked before: they are resident and anonymous already.
  void book_lazily_freed(const Claim& piece, Range part);
  /// Forgets what was booked and keeps the chart, for another scan of the same claims.
  void clear();

  /// The account's own figures, without those of the accounts below it.
  Measure own(AccountId account) const;
  /// With all below it, for every account at once, indexed by AccountId.
  std::vector<Measure> totals() const;
  Measure sum() const;
  /// Why an account's bytes are its: the evidence of the first claim that gave one.
  EvidenceId evidence(AccountId account) const;
  const std::vector<Unexplained>& unexplained() const { return unexplained_; }

 private:
  struct Entry {
    Measure measure;
    EvidenceId evidence = EvidenceId::kNone;
  };
  Entry& entry(AccountId account);

  Chart chart_;
  std::vector<Entry> entries_;
  std::vector<Unexplained> unexplained_;
  AccountId unexplained_account_ = chart_.open({"unexplained"});
};

}  // namespace strata
