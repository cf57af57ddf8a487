// inspect/heap/glibc/mmapped_choice.h - which of what looks like mapped chunks are, by glibc's
// count.
//
//     candidates  8 MiB  1 MiB  1 MiB  132 KiB      malloc_par: 3 chunks of 2.13 MiB in all
//                   ─      ✓      ✓       ✓         8 MiB is in no choice of three with that sum
//
// Threads one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/units.h"

namespace strata::glibc {

struct MmappedCandidate {
  Range range;
  bool ends_sure;        ///< at a mapping's end, at another's claim, or at the next chunk
  bool follows = false;  ///< right behind another candidate
  Address chunk;         ///< its header, which is the range's start unless memalign() made it
};
/// All their bytes.
Bytes sum_of(const std::vector<MmappedCandidate>& candidates);

/// Those of `candidates` that belong to every choice of `count` of them with `bytes` in all; where
/// there are too many choices to try, those of which that is plain by their size. Nothing where
/// there is no such choice.
std::optional<std::vector<Range>> choose_by_count(const std::vector<MmappedCandidate>& candidates,
                                                  std::uint32_t count, Bytes bytes);

}  // namespace strata::glibc
