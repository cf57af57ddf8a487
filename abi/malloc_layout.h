// abi/malloc_layout.h - where the Strata malloc keeps what, for a reader in another process.
//
// The library exports one such table as the symbol strata_malloc_layout; without symbols it is
// found by its magic, at a multiple of 16 in writable data. Addresses are the target's; those of
// zones are 0 before it has allocated. All integers are of the target's byte order.
//
//     zone.states[(block - zone.base) >> zone.granule_shift]   what the block is (see kState…)
//     zone.spans[(block - zone.base) >> zone.unit_shift]       of which class, how far it is cut
//     pages.entries[(block - pages.base) / page_size]          a run of pages: its length and use
//
// A change that an old reader would misread gets another version; a reader refuses one it does not
// know. Threads what a table leads to changes while the target runs.
#pragma once

#include <cstdint>
#include <type_traits>

#include "abi/malloc_samples.h"

namespace strata::abi {

inline constexpr char kMallocMagic[16] = {'S', 't', 'r', 'a', 't', 'a',  ' ', 'm',
                                          'a', 'l', 'l', 'o', 'c', '\n', 26,  0};
inline constexpr std::uint32_t kMallocVersion = 1;

// A block's state: 0 where none begins, its class while it is live; else free, with one of these.
inline constexpr std::uint8_t kStateClass = 0x3f;
inline constexpr std::uint8_t kStateInCache = 0x80;  ///< free, in some thread's cache
inline constexpr std::uint8_t kStateInSpan = 0xc0;   ///< free, in its span
/// Beside its class: live, and more is known of it. In a span of a named heap it is that heap's,
/// elsewhere it was sampled.
inline constexpr std::uint8_t kStateMarked = 0x40;

/// kMoved is live too; kHot is free, with its memory, and not joined with its neighbours yet;
/// kGuard is address space behind a run, or of one that was freed, that must not be touched.
enum class RunUse : std::uint8_t { kNone, kFree, kLive, kMoved, kHot, kGuard };

struct MallocZone {
  std::uint64_t base, bytes;    ///< address space; only units below the frontier were ever used
  std::uint64_t states, spans;  ///< arrays, by granule and by unit
  std::uint64_t frontier;       ///< address of a u32: units used so far
  std::uint32_t unit_shift, granule_shift;
};

struct MallocPages {
  std::uint64_t base, bytes;
  std::uint64_t entries;   ///< array, by page
  std::uint64_t dirty;     ///< bitmap, by page: free, with its memory still there
  std::uint64_t frontier;  ///< address of a u32: pages used so far; page 0 never is
};

struct MallocLayout {
  char magic[16];
  std::uint32_t version;
  std::uint32_t bytes;  ///< of this struct
  MallocZone small, medium;
  MallocPages pages;
  std::uint64_t metadata;        ///< where arenas and caches' slots are
  std::uint64_t metadata_bytes;  ///< reserved
  std::uint64_t all, all_bytes;  ///< the whole reservation, all of the above in it
  std::uint64_t class_sizes;     ///< array of u16, by class; class 0 is none
  std::uint32_t classes;
  std::uint32_t page_size;
  std::uint64_t arenas;      ///< address of a pointer to the first arena
  std::uint32_t arena_next;  ///< offset in an arena: pointer to the next
  // Offsets in a span:
  std::uint32_t span_size, span_owner, span_class, span_free, span_carved, span_purged;
  // Offsets in an entry:
  std::uint32_t entry_size, entry_pages, entry_use;

  // Added since; a table that is shorter has no named heaps.
  std::uint64_t heaps;       ///< address of a pointer to the first named heap's record
  std::uint32_t heap_next;   ///< offsets in a record: pointer to the next
  std::uint32_t heap_arena;  ///< its arena, the owner of its spans
  std::uint32_t heap_name;   ///< so many bytes, the last one 0; empty where there is no heap now
  std::uint32_t heap_name_bytes;
  std::uint32_t heap_number;                          ///< u16, never 0
  std::uint32_t heap_limit, heap_peak, heap_refused;  ///< u64s: bytes, bytes, calls
  std::uint32_t entry_owner;  ///< offset in an entry: u16, the number of a live run's heap, or 0
  std::uint32_t reserved;

  MallocSamples samples;  ///< added later still

  // From here on absent, and so 0, where `bytes` does not reach it.
  /// The library's own variables that hold addresses of blocks' memory: no pointer of the
  /// program's.
  std::uint64_t own, own_bytes;
  /// Bitmaps by unit, of those that are no span: with their memory still there, and without.
  std::uint64_t small_dirty, small_clean, medium_dirty, medium_clean;
  /// Addresses of u64s, the options of these names: 0 where no thread gives back while the program
  /// rests; milliseconds, 0 where only malloc_trim() gives back.
  std::uint64_t background, decay;
  // Offsets in an arena: a byte, not 0 while no thread has it; a u32, the thread that has it or
  // had.
  std::uint32_t arena_idle, arena_thread;
};
// Without holes, so that what an older table has not is told by `bytes` alone.
static_assert(std::has_unique_object_representations_v<MallocLayout>);

}  // namespace strata::abi
