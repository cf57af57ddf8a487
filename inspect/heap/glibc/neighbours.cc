#include "inspect/heap/glibc/neighbours.h"

#include <algorithm>

namespace strata::glibc {

void NeighbourWatch::begin(const Region& region) {
  watched_.clear();
  for (const auto* const all : {&heap_.damage, &heap_.unfinished}) {
    for (const Damage& damage : *all) {
      if (region.chunks.contains(damage.chunk)) watched_.push_back(damage.chunk);
    }
  }
  std::sort(watched_.begin(), watched_.end());
  next_ = 0;
  known_ = heap_.reported();
  awaits_next_ = false;
  last_ = {};
}

void NeighbourWatch::look_at(const Chunk& chunk) {
  known_ = heap_.reported();
  bool is_damaged = false;
  for (auto* const all : {&heap_.damage, &heap_.unfinished}) {
    for (Damage& damage : *all) {
      if (damage.chunk.value == 0) continue;
      if (awaits_next_ && last_.range.contains(damage.chunk)) damage.around.after = chunk;
      if (!chunk.range.contains(damage.chunk)) continue;
      damage.around = {last_, chunk, {}};
      is_damaged = true;
    }
  }
  awaits_next_ = is_damaged;
  while (next_ < watched_.size() && watched_[next_] < chunk.range.end) ++next_;
}

}  // namespace strata::glibc
