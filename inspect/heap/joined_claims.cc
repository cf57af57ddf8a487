#include "inspect/heap/joined_claims.h"

#include <fmt/format.h>

#include <algorithm>

#include "inspect/heap/anonymous.h"

namespace strata {
namespace {

constexpr std::string_view kMixed = "mixed";
constexpr Bytes kFirstStep = 64_KiB;
// No address space is larger: what is not folded by then has gaps.
constexpr Bytes kLargestStep = 1_GiB * (std::uint64_t{1} << 27);

}  // namespace

void JoinedClaims::push(Range range, AccountId account, EvidenceId evidence, Rank rank) {
  if (range.empty()) return;
  if (!claims_.empty()) {
    Claim& last = claims_.back();
    const bool alike = last.account == account && last.evidence == evidence && last.rank == rank;
    if (alike && last.range.end == range.start) {
      last.range.end = range.end;
      return;
    }
    // The kernel puts one mapping below the other.
    if (alike && last.range.start == range.end) {
      last.range.start = range.start;
      return;
    }
  }
  if (claims_.size() >= most_ && !full_) make_room();
  if (claims_.size() >= most_) {
    left_out_ += range.size();
    return;
  }
  claims_.push_back({range, account, evidence, rank});
}

bool JoinedClaims::touches(Range range) const {
  const auto next =
      std::upper_bound(claims_.begin(), claims_.end(), range.start,
                       [](Address a, const Claim& claim) { return a < claim.range.end; });
  return next != claims_.end() && next->range.start < range.end;
}

void JoinedClaims::set_evidence(EvidenceId evidence) {
  for (Claim& claim : claims_) claim.evidence = evidence;
}

void JoinedClaims::move_into(HeapSurvey& survey, std::string_view what) {
  if (survey.claims.empty()) {
    survey.claims = std::move(claims_);
  } else {
    survey.claims.insert(survey.claims.end(), claims_.begin(), claims_.end());
  }
  claims_ = {};
  if (folded_) {
    survey.notes.push_back(fmt::format(
        "{} change too often from one kind to the next for all to be kept apart: of some "
        "neighbours of less than {} only the sum is known, which stands as \"{}\"",
        what, size_text(step_), kMixed));
  }
  if (left_out_ > 0_B) {
    survey.notes.push_back(
        fmt::format("{} lie in more places than are kept; {} of them are not claimed", what,
                    size_text(left_out_)));
  }
}

void JoinedClaims::make_room() {
  std::sort(claims_.begin(), claims_.end(),
            [](const Claim& a, const Claim& b) { return a.range < b.range; });
  fold_below(step_);  // at first only what came out of order and is of one account
  while (claims_.size() > most_ / 2 && step_ < kLargestStep) {
    step_ = std::max(step_ * 2, kFirstStep);
    fold_below(step_);
  }
  // Gaps remain gaps, so asking again would cost much and free little.
  full_ = claims_.size() > most_ - most_ / 4;
}

void JoinedClaims::fold_below(Bytes step) {
  std::size_t kept = 0;
  for (const Claim& claim : claims_) {
    Claim* const last = kept == 0 ? nullptr : &claims_[kept - 1];
    const bool touches =
        last != nullptr && last->range.end == claim.range.start && last->rank == claim.rank;
    if (touches && last->account == claim.account) {
      last->range.end = claim.range.end;
    } else if (touches && claim.range.size() < step &&
               (last->range.size() < step || chart_.name(last->account) == kMixed)) {
      last->range.end = claim.range.end;
      last->account = account_of_both(last->account, claim.account);
      folded_ = true;
    } else {
      claims_[kept++] = claim;
    }
  }
  claims_.resize(kept);
}

/// "mixed" below the closest account that both lie under.
AccountId JoinedClaims::account_of_both(AccountId a, AccountId b) {
  AccountId common = chart_.parent(a);
  while (!chart_.is_under(b, common)) common = chart_.parent(common);
  // Two allocators have no more in common than that they are heaps; a reader claims for one.
  return chart_.open(common, kMixed);
}

}  // namespace strata
