// inspect/heap/strata/player.h - what was read of a Strata malloc's heap, played by address: units
// zone after zone, then runs.
// Parts never overlap, and none is left out up to the frontiers: of which nothing is on the tape is
// lost.
// Threads one at a time.
#pragma once

#include <optional>

#include "inspect/heap/strata/heap_scan.h"

namespace strata::strata_malloc {

struct Part {
  enum class Kind { kSpan, kFreeUnit, kRun, kLost } kind = Kind::kLost;
  Range range;
  std::size_t zone = 0;          ///< of what is no run
  Unit unit{};                   ///< of a span or a free unit
  std::uint64_t blocks = 0;      ///< of a span
  Bytes block;                   ///< of a span: the size of each
  std::size_t words = 0;         ///< of a mixed span: where its blocks are on the tape
  RunKind run = RunKind::kLost;  ///< of a run
  /// Of a span or a live run of a named heap: its place in the table's list.
  std::optional<std::size_t> heap;

  Range range_of_blocks(std::uint64_t first, std::uint64_t end) const {
    return {range.start + block * first, range.start + block * end};
  }
};

class Player {
 public:
  /// Which must outlive it.
  explicit Player(const Contents& contents) : contents_(&contents) {}

  /// False at the end.
  bool next(Part& part);

  BlockState state_of(const Part& span, std::uint64_t block) const {
    return span.unit.kind == UnitKind::kMixedSpan ? contents_->tape.block(span.words, block)
                                                  : span.unit.all;
  }
  /// Calls `act` with each stretch of blocks of a span that are alike: the first, the one behind
  /// the last, their state.
  template <class Act>
  void each_stretch(const Part& span, Act&& act) const {
    if (span.unit.kind != UnitKind::kMixedSpan) return act(0, span.blocks, span.unit.all);
    for (std::uint64_t first = 0; first < span.blocks;) {
      const BlockState state = state_of(span, first);
      std::uint64_t end = first + 1;
      while (end < span.blocks && state_of(span, end) == state) ++end;
      act(first, end, state);
      first = end;
    }
  }

 private:
  bool next_unit(Part& part);
  bool next_run(Part& part);

  const Contents* contents_;
  std::size_t zone_ = 0, unit_ = 0, word_ = 0, run_ = 0;
  std::uint64_t number_ = 0;  // of the next unit, or page
};

}  // namespace strata::strata_malloc
