// inspect/ledger/claim_sources.h - all claims of a survey as one stream, from its beginning as
// often as it is asked for: those that are stored, and those that walks of heaps make on the way.
// Threads one at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "inspect/heap/heap_walk.h"
#include "inspect/ledger/sweep.h"

namespace strata {

class ClaimSources {
 public:
  ClaimSources(std::vector<Claim> stored, std::vector<std::unique_ptr<HeapWalk>> walks)
      : stored_(std::move(stored)), walks_(std::move(walks)) {}

  /// Reads what walks need of the target, and then settles them (heap_walk.h); before anything is
  /// asked for.
  void read(const Progress& progress);
  void settle();
  /// Everything, by address. Reads nothing.
  MergedClaims all();
  /// Without what lies inside heaps.
  ClaimStream& stored();

  /// What walks said on the way, for which memory must be there no longer.
  struct Remarks {
    std::vector<std::string> notes;
    Bytes bytes_read;
  };
  Remarks end_walks();

 private:
  StoredClaims stored_;
  std::vector<std::unique_ptr<HeapWalk>> walks_;
};

}  // namespace strata
