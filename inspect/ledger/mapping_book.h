// inspect/ledger/mapping_book.h - the ledger's other view: the figures of each mapping, and which
// account most of it is booked under.
#pragma once

#include <vector>

#include "inspect/ledger/measure.h"
#include "inspect/space/chart.h"
#include "inspect/space/claim.h"
#include "inspect/target/mapping.h"

namespace strata {

struct MappingEntry {
  Measure measure;
  /// The deepest account that nearly all of it is under; of a stack the whole, since how far it is
  /// used is its pages' matter.
  AccountId purpose = AccountId::kRoot;
  EvidenceId evidence = EvidenceId::kNone;
};

class MappingBook {
 public:
  /// `mappings` by address; both must outlive the book.
  MappingBook(const std::vector<Mapping>& mappings, const Chart& chart)
      : mappings_(mappings), chart_(chart), entries_(mappings.size()) {}

  void book_mapped(const Claim& piece);
  void book_pages(const Claim& piece, Range part, PageFlags flags);
  /// One entry for each mapping, in their order.
  std::vector<MappingEntry> finish();

 private:
  struct Share {
    AccountId account;
    EvidenceId evidence;
    Rank rank;
    Bytes bytes;
  };
  /// Goes on to the mapping at `address`, and settles what those before it are for.
  void move_to(Address address);
  void settle();

  const std::vector<Mapping>& mappings_;
  const Chart& chart_;
  std::vector<MappingEntry> entries_;
  std::size_t current_ = 0;
  std::vector<Share> shares_;  // of the current mapping: pieces come by address
};

}  // namespace strata
