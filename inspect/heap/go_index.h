// inspect/heap/go_index.h - the index of a Go runtime's arenas, found without symbols.
//
//     .data  pointer ─► index of 2^22 entries ─► heap arena ─► spans ─► a span: start, pages
//                         └ number of the arena ◄──────────────────────────────┘
//
// One arena whose spans lie in it proves the index. Which layout it is shows by where they close.
//
// Cost    40 bytes an arena of 64 MiB, for at most 65,536 of them.
// Errors  none: what does not close is not there.
// Threads one at a time.
#pragma once

#include <optional>
#include <vector>

#include "inspect/heap/heap_reader.h"
#include "inspect/heap/peek.h"

namespace strata {

struct GoArena {
  Range range;
  Address heap_arena;
  std::optional<Bytes> spans_offset;  ///< set in all of a GoIndex
};

struct GoIndex {
  Address start;
  std::vector<GoArena> arenas;
};

/// By its sections, or by the linker's mark where these were cut off.
bool holds_go_runtime(Peek& peek, const Module& module);

std::optional<GoIndex> find_go_index(const HeapScene& scene, Peek& peek,
                                     const std::vector<StaticWords>& statics);

}  // namespace strata
