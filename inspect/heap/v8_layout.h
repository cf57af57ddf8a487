// inspect/heap/v8_layout.h - the headers and records of V8's pages.
//
//     256 KiB boundary
//     |header|guard?| objects …            |   regular page: one, large page: several
//      └ flags, record ──┐                     units of 256 KiB, rounded up
//                        v
//         record  size, area, heap, owner ──> space ──> heap: the same
//
// Every page of an isolate names the isolate's Heap and its own space; the space names the Heap
// again. A page that owns its memory also holds the reservation: its own address and size. Where
// the record lies and in which order has changed; which layout it is shows by what closes.
//
// In a build with the sandbox (Chromium) the second word of the header is no address but a number:
// the page's place in the pointer cage, so the header closes over its own address.
//
// Source  src/heap/basic-memory-chunk.h of V8 10.2 (Node 18) and 11.3 (Node 20),
//         src/heap/memory-chunk.h and memory-chunk-metadata.h of 12.4 (Node 22) and 13.6 (Node 24),
//         base-page.h of 14.6 (Node 26); src/heap/memory-chunk.cc for the numbers in a cage.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/units.h"

namespace strata {

inline constexpr Bytes kV8PageUnit = 256_KiB;

/// The words of a record that are read, by their number.
struct V8Layout {
  bool apart;  ///< the header's second word leads to the record, which is not in the page
  bool self;   ///< the header's second word is the page's own address
  std::size_t flags;
  std::size_t size;
  std::size_t heap;
  std::size_t area_start;
  std::size_t area_end;
  std::size_t allocated;
  std::size_t high_water;
  std::size_t owner;
  std::size_t reservation;  ///< start; the size follows
};
inline constexpr std::size_t kV8RecordWords = 13;

inline constexpr std::array kV8Layouts = {
    // To V8 11: size, flags, heap, area, allocated, wasted, high water, owner, reservation.
    V8Layout{false, false, 1, 0, 2, 3, 4, 5, 7, 8, 10},
    // 12: flags and the record's own address came to stand before the size.
    V8Layout{false, true, 0, 2, 3, 4, 5, 6, 8, 9, 11},
    // 13 on: reservation, allocated, wasted, high water, size, end, heap, start, owner; apart.
    V8Layout{true, false, 0, 6, 8, 9, 7, 3, 5, 10, 1},
};

// Flags that have kept their place from V8 10 to 14. Large and read-only have not.
inline constexpr std::uint64_t kV8FromPage = 1 << 3;
inline constexpr std::uint64_t kV8ToPage = 1 << 4;
/// Where the mark of a large page has stood.
inline constexpr std::uint64_t kV8LargeMarks[] = {1 << 7, 1 << 8, 1 << 10};
/// None is defined from here on.
inline constexpr std::uint64_t kV8FlagsEnd = 1 << 27;

/// BaseSpace: a vtable, then the Heap.
inline constexpr Bytes kV8SpaceHeapOffset{8};
/// Objects start this far into a page at most: after the header, a guard page and the mark bits.
inline constexpr Bytes kV8LargestHeader = 64_KiB;
/// The largest code range on x86-64; Node reserves it whole.
inline constexpr Bytes kV8CodeRange = 512_MiB;
inline constexpr Bytes kV8LargestPage = 64_GiB;

/// A pointer cage: its size and alignment.
inline constexpr Bytes kV8Cage = 4_GiB;
/// Pages are numbered through the cage, then through the trusted range and the code range, each
/// from its start.
inline constexpr std::uint64_t kV8TrustedNumber = kV8Cage / kV8PageUnit;
inline constexpr Bytes kV8TrustedRange = 1_GiB;
/// The sandbox around a cage, at most and at least.
inline constexpr Bytes kV8Sandbox = 1_GiB * 1024;
inline constexpr Bytes kV8LeastSandbox = 8_GiB;
inline constexpr std::uint64_t kV8CodeNumber = kV8TrustedNumber + kV8TrustedRange / kV8PageUnit;

}  // namespace strata
