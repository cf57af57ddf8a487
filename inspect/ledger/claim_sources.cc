#include "inspect/ledger/claim_sources.h"

#include <utility>

namespace strata {

void ClaimSources::read(const Progress& progress) {
  for (const auto& walk : walks_) walk->read(progress);
}

void ClaimSources::settle() {
  for (const auto& walk : walks_) walk->settle();
}

MergedClaims ClaimSources::all() {
  std::vector<ClaimStream*> streams{&stored()};
  for (const auto& walk : walks_) {
    walk->rewind();
    streams.push_back(walk.get());
  }
  return MergedClaims(streams);
}

ClaimStream& ClaimSources::stored() {
  stored_.rewind();
  return stored_;
}

ClaimSources::Remarks ClaimSources::end_walks() {
  Remarks remarks;
  for (const auto& walk : std::exchange(walks_, {})) {
    walk->conclude();
    remarks.bytes_read += walk->bytes_read();
    for (std::string& note : walk->notes()) remarks.notes.push_back(std::move(note));
  }
  return remarks;
}

}  // namespace strata
