#include "inspect/ledger/sweep.h"

#include <algorithm>

namespace strata {

bool outranks(const Claim& a, const Claim& b) {
  if (a.rank != b.rank) return a.rank > b.rank;
  if (a.range.start != b.range.start) return a.range.start > b.range.start;
  return a.range.end < b.range.end;
}

Pieces::Pieces(ClaimStream& claims) : claims_(claims), has_upcoming_(claims.next(upcoming_)) {}

/// Takes in every claim that starts at or before `until`.
void Pieces::admit(Address until) {
  while (has_upcoming_ && upcoming_.range.start <= until) {
    if (!upcoming_.range.empty()) active_.push_back(upcoming_);
    has_upcoming_ = claims_.next(upcoming_);
  }
}

bool Pieces::next(Claim& piece) {
  for (;;) {
    std::erase_if(active_, [&](const Claim& c) { return c.range.end <= at_; });
    if (active_.empty()) {
      if (!has_upcoming_) return false;
      at_ = std::max(at_, upcoming_.range.start);
    }
    admit(at_);
    if (active_.empty()) continue;
    const Claim* winner = &active_.front();
    bool mapped = false;
    Address end = winner->range.end;
    for (const Claim& claim : active_) {
      mapped |= claim.rank == Rank::kMapping;
      if (outranks(claim, *winner)) winner = &claim;
      end = std::min(end, claim.range.end);
    }
    // Claims that lose here may win when the winner ends, so a piece ends where any claim does.
    if (has_upcoming_) end = std::min(end, upcoming_.range.start);
    if (end <= at_) continue;  // an empty or expired claim; it is erased next time round
    piece = *winner;
    piece.range = {at_, end};
    at_ = end;
    if (mapped) return true;
  }
}

Sweep::Sweep(ClaimStream& claims, Book book) : pieces_(claims), book_(std::move(book)) {
  advance();
}

void Sweep::advance() {
  has_piece_ = pieces_.next(piece_);
  if (has_piece_) book_.mapped(piece_);
}

void Sweep::add(const PageRun& run) {
  while (has_piece_ && piece_.range.start < run.range.end) {
    const Range part = intersection(piece_.range, run.range);
    if (!part.empty()) book_.pages(piece_, part, run.flags);
    if (piece_.range.end > run.range.end) return;  // the next run may be of this piece too
    advance();
  }
}

void Sweep::finish() {
  while (has_piece_) advance();
}

MergedClaims::MergedClaims(const std::vector<ClaimStream*>& streams) {
  for (ClaimStream* const stream : streams) {
    Head head{{}, stream};
    if (stream->next(head.claim)) heads_.push_back(head);
  }
}

bool MergedClaims::next(Claim& claim) {
  if (heads_.empty()) return false;
  // There is one stream of each heap that is walked, so a few at most.
  const auto first = std::min_element(
      heads_.begin(), heads_.end(),
      [](const Head& a, const Head& b) { return a.claim.range.start < b.claim.range.start; });
  claim = first->claim;
  if (!first->stream->next(first->claim)) heads_.erase(first);
  return true;
}

StoredClaims::StoredClaims(std::vector<Claim> claims) : claims_(std::move(claims)) {
  const auto earlier = [](const Claim& a, const Claim& b) {
    return a.range.start != b.range.start ? a.range.start < b.range.start : a.rank < b.rank;
  };
  // The mappings' claims come sorted, and are most of them where there are many.
  const auto rest = std::is_sorted_until(claims_.begin(), claims_.end(), earlier);
  std::sort(rest, claims_.end(), earlier);
  std::inplace_merge(claims_.begin(), rest, claims_.end(), earlier);
}

bool StoredClaims::next(Claim& claim) {
  if (at_ == claims_.size()) return false;
  claim = claims_[at_++];
  return true;
}

}  // namespace strata
