// inspect/heap/partitionalloc_layout.h - Chromium's malloc as it lies in memory.
//
//     pool        8 or 16 GiB reserved, aligned to its size
//     super page  |guard|      …   |slot span|slot span| … |guard|     2 MiB, aligned to it
//     metadata    |extent|page 1|page 2| … |page 127|  32 bytes each; in the super page's second
//                   │                                  4 KiB, or apart: the root says how far
//                   └─> root { …, pool base, pool mask, …, metadata offset, …, ~root }
//
// A slot span is one or more partition pages of 16 KiB; each page's metadata says how many lie
// before it in its span. A direct map is one block behind a super page's beginning, whose bucket
// lies in its own metadata.
//
// Source  base/allocator/partition_allocator: partition_alloc_constants.h, partition_page.h,
//         partition_superpage_extent_entry.h, partition_root.h (inverted_self) of Chromium 100 to
//         156. Where in the root its fields stand moves; they are found by what they must be.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace strata {

inline constexpr Bytes kPaSuperPage = 2_MiB;
inline constexpr Bytes kPaPartitionPage = 16_KiB;
inline constexpr std::size_t kPaPagesInSuperPage = kPaSuperPage / kPaPartitionPage;
inline constexpr Bytes kPaMetadata = 4_KiB;
inline constexpr std::uint64_t kPaMetadataInSuperPage = 4096;

/// Metadata of one partition page; of the first there is the extent instead.
struct PaPage {
  std::uint64_t freelist_head;
  std::uint64_t next;
  std::uint64_t bucket;
  std::uint32_t counts;  ///< allocated slots in the lowest 15 bits
  std::uint16_t state;
  std::uint8_t place;  ///< how many pages lie before it in its span; bit 6: it is in one
  std::uint8_t unused;

  std::size_t before() const { return place & 0x3f; }
  bool is_valid() const { return (place & 0x40) != 0; }
  bool begins_span() const { return is_valid() && before() == 0; }
  std::uint32_t allocated() const { return counts & 0x7fff; }
};
static_assert(sizeof(PaPage) == 32);

/// Within this much of a root stands its own address, inverted. It was 15 KiB in.
inline constexpr Bytes kPaRoot = 64_KiB;
/// And within so many words its settings: the pool's base and mask, and the metadata's offset.
inline constexpr std::size_t kPaSettings = 64;
inline constexpr Bytes kPaLeastPool = 1_GiB;
inline constexpr Bytes kPaMostPool = 64_GiB;

}  // namespace strata
