#include "inspect/ledger/ledger.h"

namespace strata {

Ledger::Entry& Ledger::entry(AccountId account) {
  const auto index = static_cast<std::size_t>(account);
  if (index >= entries_.size()) entries_.resize(std::max(index + 1, chart_.size()));
  return entries_[index];
}

void Ledger::book_mapped(const Claim& piece) {
  Entry& e = entry(piece.account);
  e.measure.virtual_size += piece.range.size();
  if (e.evidence == EvidenceId::kNone) e.evidence = piece.evidence;
  if (piece.account != unexplained_account_) return;
  if (!unexplained_.empty() && unexplained_.back().range.end == piece.range.start) {
    unexplained_.back().range.end = piece.range.end;
  } else {
    unexplained_.push_back({piece.range, {}});
  }
}

void Ledger::book_pages(const Claim& piece, Range part, PageFlags flags) {
  entry(piece.account).measure.add(flags, part.size());
  const bool counts = PageRun{part, flags}.resident();
  if (piece.account == unexplained_account_ && counts) unexplained_.back().resident += part.size();
}

void Ledger::book_lazily_freed(const Claim& piece, Range part) {
  entry(piece.account).measure.lazily_freed += part.size();
}

void Ledger::clear() {
  entries_.clear();
  unexplained_.clear();
}

Measure Ledger::own(AccountId account) const {
  const auto index = static_cast<std::size_t>(account);
  return index < entries_.size() ? entries_[index].measure : Measure{};
}

std::vector<Measure> Ledger::totals() const {
  std::vector<Measure> totals(chart_.size());
  for (std::size_t i = 0; i < entries_.size(); ++i) totals[i] = entries_[i].measure;
  // Children are numbered after their parents, so one pass from the end carries all sums up.
  for (std::size_t i = totals.size(); i-- > 1;) {
    totals[static_cast<std::size_t>(chart_.parent(AccountId(i)))].add(totals[i]);
  }
  return totals;
}

Measure Ledger::sum() const {
  Measure sum;
  for (const Entry& e : entries_) sum.add(e.measure);
  return sum;
}

EvidenceId Ledger::evidence(AccountId account) const {
  const auto index = static_cast<std::size_t>(account);
  return index < entries_.size() ? entries_[index].evidence : EvidenceId::kNone;
}

}  // namespace strata
