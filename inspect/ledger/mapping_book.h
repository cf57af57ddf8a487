// inspect/ledger/mapping_book.h - the ledger's other view: the figures of each mapping, and which
// account most of it is booked under.
#pragma once

#include <utility>
#include <vector>

#include "inspect/ledger/measure.h"
#include "inspect/space/chart.h"
#include "inspect/space/claim.h"
#include "inspect/target/mapping.h"

namespace strata {

struct MappingEntry {
  Measure measure;
  AccountId purpose = AccountId::kRoot;  ///< the deepest account that nearly all of it is under
  EvidenceId evidence = EvidenceId::kNone;
};

class MappingBook {
 public:
  /// `mappings` by address; must outlive the book.
  explicit MappingBook(const std::vector<Mapping>& mappings) : mappings_(mappings) {}

  void book_mapped(const Claim& piece);
  void book_pages(const Claim& piece, Range part, PageFlags flags);
  /// One entry for each mapping, in their order.
  std::vector<MappingEntry> finish(const Chart& chart);

 private:
  struct Share {
    Bytes bytes;
    EvidenceId evidence;
  };
  struct Booked {
    Measure measure;
    std::vector<std::pair<AccountId, Share>> shares;
  };
  /// The entry of the mapping that a piece lies in; pieces come by address.
  Booked& at(Address address);

  const std::vector<Mapping>& mappings_;
  std::vector<Booked> booked_;
  std::size_t current_ = 0;
};

}  // namespace strata
