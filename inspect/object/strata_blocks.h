// inspect/object/strata_blocks.h - the Strata malloc's blocks for the search for leaks.
// Their states stand apart from them and are read first, so only memory with live blocks is looked
// through, and which blocks there are is taken from the tape when the target runs again.
//
//     zones, up to their frontiers    shared ground; a chunk for each block, and what ends it
//     live runs of pages              each apart
//     the rest of the reservation     nobody's: states, spans, caches' slots and what they lead to
//
// Threads one at a time.
#pragma once

#include "inspect/heap/strata/player.h"
#include "inspect/object/heap_blocks.h"

namespace strata {

class StrataBlocks final : public HeapBlocks {
 public:
  /// Reads states, spans and entries. `memory` must outlive it; `doubts` are about the table.
  StrataBlocks(const Space& space, const PresentMemory& memory, strata_malloc::Table table,
               std::vector<std::string> doubts);

  std::string_view name() const override { return "the Strata malloc's heap"; }
  BlockGround ground() const override;
  Bytes read(BlockMap& map, References& references) override;
  void settle(BlockMap& map) override;
  std::vector<Range> own() const override;
  std::vector<Range> lost() const override;
  std::vector<pid_t> waiting() const override { return waiting_; }
  std::vector<std::string> notes() const override;

 private:
  bool has_live(const strata_malloc::Player& player, const strata_malloc::Part& part) const;

  const PresentMemory& memory_;
  strata_malloc::Contents contents_;
  std::vector<pid_t> waiting_;
  std::vector<std::string> doubts_;
  Bytes states_read_;
};

}  // namespace strata
