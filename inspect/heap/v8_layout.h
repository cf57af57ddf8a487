// inspect/heap/v8_layout.h - the header of V8's pages.
//
//     256 KiB boundary
//     |MemoryChunk header|guard?| objects …            |   regular page: one, large page: several
//      ^ size, flags, heap, area                           units of 256 KiB, rounded up
//
// Every page of an isolate names the isolate's Heap and its own space; the space names the Heap
// again. A page that owns its memory also holds the reservation: its own address and size.
//
// Source  src/heap/basic-memory-chunk.h and memory-chunk-layout.h of V8 10.2 (Node 18) and 11.3
//         (Node 20), without pointer compression. From V8 12 on a page's header holds only flags
//         and a pointer to metadata elsewhere: not read here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace strata {

inline constexpr Bytes kV8PageUnit = 256_KiB;

struct V8ChunkHeader {
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t heap;
  std::uint64_t area_start;
  std::uint64_t area_end;
  std::uint64_t allocated_bytes;
  std::uint64_t wasted_memory;
  std::uint64_t high_water_mark;
  std::uint64_t owner;
  std::uint64_t reservation_allocator;
  std::uint64_t reservation_start;
  std::uint64_t reservation_size;
};
static_assert(sizeof(V8ChunkHeader) == 96);

// Flags that have kept their place from V8 10 to 11.
inline constexpr std::uint64_t kV8FromPage = 1 << 3;
inline constexpr std::uint64_t kV8ToPage = 1 << 4;
inline constexpr std::uint64_t kV8ReadOnlyHeap = 1 << 6;
inline constexpr std::uint64_t kV8LargePage = 1 << 7;
/// None is defined from here on.
inline constexpr std::uint64_t kV8FlagsEnd = 1 << 26;

/// BaseSpace: a vtable, then the Heap.
inline constexpr Bytes kV8SpaceHeapOffset{8};
/// Objects start this far into a page at most: after the header, a guard page and the mark bits.
inline constexpr Bytes kV8LargestHeader = 64_KiB;
/// The largest code range on x86-64; Node reserves it whole.
inline constexpr Bytes kV8CodeRange = 512_MiB;
inline constexpr Bytes kV8LargestPage = 64_GiB;

}  // namespace strata
