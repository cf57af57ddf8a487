// inspect/heap/glibc/neighbours.h - fills in, while chunks pass, what stands around a damaged one.
// Of what was found before the walk (in lists) and of what the walk itself reports.
// Threads one at a time.
#pragma once

#include <optional>
#include <vector>

#include "inspect/heap/glibc/heap.h"

namespace strata::glibc {

class NeighbourWatch {
 public:
  explicit NeighbourWatch(Heap& heap) : heap_(heap) {}

  /// Chunks of a region pass in address order, from its first one on.
  void begin(const Region& region);
  void pass(const Chunk& chunk) {
    const bool is_new =
        known_.damage != heap_.damage.size() || known_.unfinished != heap_.unfinished.size();
    if (is_new || awaits_next_ || (next_ < watched_.size() && watched_[next_] < chunk.range.end)) {
      look_at(chunk);
    }
    last_ = chunk;
  }

 private:
  void look_at(const Chunk& chunk);

  Heap& heap_;
  std::vector<Address> watched_;
  std::size_t next_ = 0;  // of watched_
  Heap::Reported known_{};
  bool awaits_next_ = false;  // last_ is damaged
  Chunk last_;
};

}  // namespace strata::glibc
