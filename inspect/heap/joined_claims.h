// inspect/heap/joined_claims.h - what a reader claims, joined as it arrives, so that a survey's
// size follows from how often a heap changes from one account to the next and never from its
// extents.
//
//     extents   [slab][slab][dirty][slab][slab][slab] …      pushed, any number
//     claims    [slabs    ][dirty][slabs            ] …      kept: at most kMostClaims
//
// A range joins the one that was pushed before it, so they best come by address, up or down. Where
// even these are too many, neighbours that are smaller than a step are folded into one claim on
// "mixed" below the account that they have in common; the step starts at 64 KiB and doubles until
// half of the room is free. A fold joins what borders on each other and never spans a gap, so
// nothing foreign is claimed; what then still finds no room is left out. Notes say both.
//
// Cost    2 MiB of claims at most.
// Threads one at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "inspect/heap/heap_reader.h"

namespace strata {

class JoinedClaims {
 public:
  static constexpr std::size_t kMostClaims = std::size_t{1} << 16;

  explicit JoinedClaims(Chart& chart, std::size_t most = kMostClaims)
      : chart_(chart), most_(most) {}

  void push(Range range, AccountId account, EvidenceId evidence = EvidenceId::kNone,
            Rank rank = Rank::kHeap);

  bool empty() const { return claims_.empty(); }
  /// Whether a claim lies in `range`, where all were pushed by address and apart.
  bool touches(Range range) const;
  /// For what could be said only when all had been pushed.
  void set_evidence(EvidenceId evidence);

  /// Hands the claims to `survey`, with a note about `what` ("jemalloc's extents") where they are
  /// not all apart or not all there.
  void move_into(HeapSurvey& survey, std::string_view what);

 private:
  void make_room();
  void fold_below(Bytes step);
  AccountId account_of_both(AccountId a, AccountId b);

  Chart& chart_;
  std::size_t most_;
  std::vector<Claim> claims_;
  Bytes step_;
  bool folded_ = false;
  bool full_ = false;
  Bytes left_out_;
};

}  // namespace strata
