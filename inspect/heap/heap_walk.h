// inspect/heap/heap_walk.h - what lies inside a heap's regions, streamed as claims.
// A heap may have a hundred million blocks, so its claims are made while they are asked for and
// never stored. What they are made of is read before, as small as it can be kept: the target may
// run again by then, and claims may be gone through again. Threads one at a time.
#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "inspect/space/claim.h"

namespace strata {

class HeapWalk : public ClaimStream {
 public:
  /// Reads what it needs of the target, by address.
  virtual void read(const Progress& progress) = 0;
  /// Then what that led to, here and there; pages may be scanned meanwhile. Then the first claim is
  /// next.
  virtual void settle() = 0;
  /// Back to the first claim. What was counted on the way is forgotten.
  virtual void rewind() = 0;
  /// For what takes time; after the last claim.
  virtual void conclude() {}
  /// What was seen on the way and is not in the claims, a sentence each.
  virtual std::vector<std::string> notes() const = 0;
  virtual Bytes bytes_read() const = 0;
};

}  // namespace strata
