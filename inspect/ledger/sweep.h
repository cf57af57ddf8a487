// inspect/ledger/sweep.h - claims and page runs meet: one pass over both in address order.
//
//     claims   |------- mapping --------------------------|
//                   |-- section --|     |---- stack ----|
//     pieces   | m  |   section   |  m  |     stack     |m|     the highest rank has the bytes
//     runs       |##resident##|   |##|     |###swapped###|      pushed by the page scanner
//
// A claim counts only where a mapping is: what it says of unmapped addresses is dropped.
// Cost    Linear in claims and runs; memory is what overlaps at one address.
#pragma once

#include <functional>
#include <vector>

#include "inspect/page/page_run.h"
#include "inspect/space/claim.h"

namespace strata {

/// Whether `a` has the bytes where both claim them: the higher rank, of equal ranks the innermost,
/// which is the one that starts later, or else ends sooner.
bool outranks(const Claim& a, const Claim& b);

/// Claims made disjoint, by address.
class Pieces {
 public:
  explicit Pieces(ClaimStream& claims);
  /// The next piece of mapped memory; its claim's range is cut to the piece. False at the end.
  bool next(Claim& piece);

 private:
  void admit(Address until);

  ClaimStream& claims_;
  Claim upcoming_;
  bool has_upcoming_;
  std::vector<Claim> active_;
  Address at_;
};

class Sweep {
 public:
  /// Called for each piece with flags 0 and its whole range, and for each overlap of a piece with
  /// a run with the run's flags.
  struct Book {
    std::function<void(const Claim& piece)> mapped;
    std::function<void(const Claim& piece, Range part, PageFlags flags)> pages;
  };

  Sweep(ClaimStream& claims, Book book);
  /// Runs in address order, as the scanner yields them.
  void add(const PageRun& run);
  /// Books the pieces behind the last run.
  void finish();

 private:
  void advance();

  Pieces pieces_;
  Book book_;
  Claim piece_;
  bool has_piece_ = false;
};

/// Several streams as one, by address; of equal starts the earlier stream's comes first.
class MergedClaims final : public ClaimStream {
 public:
  explicit MergedClaims(const std::vector<ClaimStream*>& streams);
  bool next(Claim& claim) override;

 private:
  struct Head {
    Claim claim;
    ClaimStream* stream;
  };
  std::vector<Head> heads_;  // what each has next; those at their end are gone
};

/// A stream over claims that are stored; sorts them.
class StoredClaims final : public ClaimStream {
 public:
  explicit StoredClaims(std::vector<Claim> claims);
  bool next(Claim& claim) override;
  void rewind() { at_ = 0; }

 private:
  std::vector<Claim> claims_;
  std::size_t at_ = 0;
};

}  // namespace strata
