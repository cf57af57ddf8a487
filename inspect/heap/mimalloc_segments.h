// inspect/heap/mimalloc_segments.h - the segments of mimalloc 1 and 2 as they lie in memory.
//
//     1   [ … capacity|info size|cookie … |thread|page shift|page kind|page 0|page 1|…]   4 MiB
//     2   [ … cookie … |slices in all|of the header|kind|entries|thread|slice 0|slice 1|…]   32 MiB
//           ↑ the segment's address, xored with a random number that stands in static data
//
// Both are aligned to their size. In 2 slices of 64 KiB tile a segment: each names how many there
// are to the next. In 1 each page carries its own number.
//
// Source  mimalloc 1.7 to 1.9 and 2.0 to 2.2: types.h (mi_segment_t, mi_page_t, mi_slice_t),
//         segment.c, internal.h (_mi_ptr_cookie).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/peek.h"

namespace strata::mimalloc {

inline constexpr Bytes kSegment1 = 4_MiB;
inline constexpr Bytes kSegment2 = 32_MiB;
/// What stands before slices or pages takes up to this: flags, two masks of 512 bits, counts.
inline constexpr std::size_t kHeaderWords = 64;

enum class SegmentKind { kNormal, kHuge };

/// With its header 540 bytes: kept of a few only.
struct Segment {
  Address start;
  Bytes size;
  SegmentKind kind = SegmentKind::kNormal;
  std::array<std::uint64_t, kHeaderWords> header = {};
  std::size_t tail_at = 0;  ///< in words; the cookie stands before it
};

std::optional<Segment> segment1_at(Peek& peek, const AnonymousMemory& memory, Address at);
std::optional<Segment> segment2_at(Peek& peek, const AnonymousMemory& memory, Address at);

}  // namespace strata::mimalloc
