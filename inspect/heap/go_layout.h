// inspect/heap/go_layout.h - the Go runtime's heap as it lies in memory on linux/amd64.
//
//     mheap_ (static)              arena index: one pointer for each 64 MiB of address space
//       arenas ───────────────────> [ | | |heapArena*| | … ]   32 MiB, all but a page or two
//       untouched pages.summary[5] slices              │         arena: index * 64 MiB - 2^47
//       pages.chunks[8192] pointers          v
//       allspans slice             heapArena {bitmap (to 1.21), spans[8192] ─> mspan, page bits}
//
// Source  src/runtime/{mheap,malloc,mpagealloc,mpagealloc_64bit}.go of Go 1.14 to 1.25. What the
//         heap arena holds before its spans changed in 1.20 (half the bitmap) and 1.22 (none); the
//         offset is found by the spans, not by the version.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace strata {

inline constexpr Bytes kGoArena = 64_MiB;
inline constexpr std::uint64_t kGoArenaBaseOffset = 0xffff800000000000;
inline constexpr std::size_t kGoArenaIndexSize = std::size_t{1} << 22;
inline constexpr Bytes kGoPage = 8_KiB;
inline constexpr std::size_t kGoPagesPerArena = 8192;

/// What can stand before heapArena.spans: nothing (1.22 on), 1 MiB of bitmap and 16 KiB that say
/// where pointers end (1.20, 1.21), 2 MiB of bitmap (to 1.19).
inline constexpr Bytes kGoSpansOffsets[] = {{0}, {(1 << 20) + (16 << 10)}, {2 << 20}};
/// What stands after them: three or four bitmaps of a bit a page, and two words.
inline constexpr Bytes kGoAfterSpans{3 * 1024 + 16};

inline constexpr Bytes kGoSpanStartOffset{24};  ///< mspan: next, prev, list, then startAddr, npages

/// pageAlloc.summary: five slices in a row whose capacities are these.
inline constexpr std::uint64_t kGoSummaryCapacities[] = {1 << 14, 1 << 17, 1 << 20, 1 << 23,
                                                         1 << 26};
/// pageAlloc.chunks follows: 2^13 pointers, each to 2^13 records of 128 bytes.
inline constexpr std::size_t kGoChunkTables = std::size_t{1} << 13;
inline constexpr Bytes kGoChunkTable = 1_MiB;

/// The allocator of what is never freed takes this much at a time; the first word links the chunks.
inline constexpr Bytes kGoPersistentChunk = 256_KiB;
/// Mark bits come in blocks of this size, which begin with an offset and a link.
inline constexpr Bytes kGoBitsArena = 64_KiB;
/// The scavenger's index: a bit for each 4 MiB of address space (1.19, 1.20), then a word each.
inline constexpr std::uint64_t kGoScavengeBits = std::uint64_t{1} << 23;
inline constexpr std::uint64_t kGoScavengeWords = std::uint64_t{1} << 26;
/// Profiling's table of call sites: 179,999 pointers.
inline constexpr Bytes kGoSiteTable{179'999 * 8};

}  // namespace strata
