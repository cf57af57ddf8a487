// inspect/heap/pymalloc_layout.h - CPython's small-object allocator as it lies in memory.
//
//     arenas ──> [arena_object][arena_object]…      a malloc'd table of 16 * 2^k entries
//                      │ address
//                      v
//     arena      |pool|pool|…|pool|never used      |   256 KiB to 3.9, 1 MiB from 3.10
//                 ^pool_header           ^pool_address
//
// Source  Objects/obmalloc.c of CPython 3.6 to 3.11, Include/internal/pycore_obmalloc.h of 3.12 and
//         3.13: both structs are the same in all of them. Pools are 4 KiB with the small arenas and
//         16 KiB with the large ones; a pool says which by maxnextoffset + its block size.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace strata {

struct PyArenaObject {
  std::uint64_t address;       ///< 0: the entry is not in use
  std::uint64_t pool_address;  ///< the first pool that was never used
  std::uint32_t free_pools;
  std::uint32_t total_pools;
  std::uint64_t first_free_pool;
  std::uint64_t next_arena;
  std::uint64_t previous_arena;
};
static_assert(sizeof(PyArenaObject) == 48);

struct PyPoolHeader {
  std::uint32_t blocks_in_use;
  std::uint32_t unused;  ///< the upper half of a union, whatever it held
  std::uint64_t free_block;
  std::uint64_t next_pool;
  std::uint64_t previous_pool;
  std::uint32_t arena_index;
  std::uint32_t size_class;
  std::uint32_t next_offset;
  std::uint32_t max_next_offset;
};
static_assert(sizeof(PyPoolHeader) == 48);

struct PyPoolGeometry {
  Bytes pool;
  Bytes arena;
};
inline constexpr PyPoolGeometry kPyGeometries[] = {{4_KiB, 256_KiB}, {16_KiB, 1_MiB}};

/// The table starts with this many entries and doubles.
inline constexpr std::size_t kPyInitialArenas = 16;
/// Far more than a machine holds: 1 TiB of arenas.
inline constexpr std::size_t kPyMostArenas = std::size_t{1} << 20;

/// Blocks are multiples of 16 bytes, of 8 up to 3.7.3.
inline constexpr std::uint32_t kPyAlignments[] = {16, 8};
inline constexpr std::uint32_t kPyMostSizeClasses = 64;

}  // namespace strata
