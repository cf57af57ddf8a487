// inspect/heap/glibc/chunk.h - one chunk, and what has become of it.
//
//     chunk ─▶ [prev_size][size AMP][ user bytes …                  ]
//     next ──▶                      … [prev_size][size AMP]
//                                     └ the user's too while the chunk is in use
//
// A chunk's own header does not say whether it is free: the P bit of the next one does, and only
// for chunks in bins. What lies in a thread's cache or in a fast bin looks in use; it is known by
// the lists alone.
//
// Units   Sizes are of chunks, headers included, as glibc's bins and statistics have them.
// Source  glibc malloc/malloc.c (malloc_chunk).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace strata::glibc {

inline constexpr Bytes kSmallestChunk = 32_B;
inline constexpr Bytes kLargestFast = 176_B;  ///< what mallopt() can raise the limit to
inline constexpr Bytes kHeader = 16_B;        ///< from a chunk to the user's bytes
inline constexpr std::uint64_t kPreviousInUse = 1;
inline constexpr std::uint64_t kIsMmapped = 2;
inline constexpr std::uint64_t kNotMainArena = 4;
inline constexpr std::uint64_t kFlagBits = 7;

enum class ChunkState : std::uint8_t {
  kLive,    ///< the program has it
  kCached,  ///< freed, in a thread's cache
  kFast,    ///< freed, in a fast bin
  kBinned,  ///< freed, in the unsorted, a small or a large bin
  kTop,
  kFence,  ///< of 16 bytes or fewer, where a region ends
  kLost,   ///< not walked: the chain of sizes does not lead through it
};
inline constexpr std::size_t kChunkStates = 7;

struct Chunk {
  Range range;
  ChunkState state = ChunkState::kLive;

  Address user() const { return range.start + kHeader; }
  /// What malloc_usable_size() says: the next chunk's first word is this one's while it is live.
  Bytes usable() const { return range.size() - 8_B; }
};

}  // namespace strata::glibc
