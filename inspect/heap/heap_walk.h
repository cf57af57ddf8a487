// inspect/heap/heap_walk.h - what lies inside a heap's regions, streamed as claims.
// A heap may have a hundred million blocks, so its claims are made while they are asked for and
// never stored; going through them again reads the target again.
// Threads one at a time.
#pragma once

#include <string>
#include <vector>

#include "inspect/space/claim.h"

namespace strata {

class HeapWalk : public ClaimStream {
 public:
  /// Back to the first claim. What was counted on the way is forgotten.
  virtual void rewind() = 0;
  /// For what takes time and needs no memory of the target's any more; after the last claim.
  virtual void conclude() {}
  /// What was seen on the way and is not in the claims, a sentence each.
  virtual std::vector<std::string> notes() const = 0;
  virtual Bytes bytes_read() const = 0;
};

}  // namespace strata
