// inspect/object/made_blocks.h - for the tests: heaps made up at random, each with a model that
// answers by the plainest means.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "inspect/object/block_map.h"
#include "inspect/object/references.h"

namespace strata {

using Random = std::mt19937_64;

inline std::uint64_t below(Random& random, std::uint64_t n) { return random() % n; }
inline bool one_in(Random& random, std::uint64_t n) { return below(random, n) == 0; }

/// Where a block's user may write, and what the block is.
struct Written {
  Range user;
  Range chunk;
  bool is_mapped = false;
};

struct MadeHeap {
  glibc::Heap heap;
  std::vector<glibc::Chunk> chunks;    // of arenas, by address
  std::map<Address, Written> written;  // live ones, by where the user's bytes begin

  void add_region(const std::vector<glibc::Chunk>& region) {
    heap.ground.push_back({region.front().range.start, region.back().range.end});
    for (const glibc::Chunk& chunk : region) {
      chunks.push_back(chunk);
      if (chunk.state == glibc::ChunkState::kLive) {
        const Range& r = chunk.range;
        written[chunk.user()] = {{chunk.user(), r.end + 8_B}, r, false};
      }
    }
  }
  /// With its header `offset` behind its start, as memalign() puts it.
  void add_mapped(Range chunk, Bytes offset = {}) {
    heap.mmapped.chunks.push_back(chunk);
    heap.mmapped.headers.push_back(chunk.start + offset);
    const Address user = chunk.start + offset + 16_B;
    written[user] = {{user, chunk.end}, chunk, true};
  }

  BlockMap map() const {
    auto map = BlockMap::make(heap);
    for (const glibc::Chunk& chunk : chunks) map->add(chunk);
    return std::move(*map);
  }

  /// The live block that `at` is in.
  const Written* find(Address at) const {
    auto behind = written.upper_bound(at);
    if (behind == written.begin()) return nullptr;
    --behind;
    return behind->second.user.contains(at) ? &behind->second : nullptr;
  }

  /// All that could be asked about, with what lies around it.
  std::vector<Range> surroundings() const {
    std::vector<Range> all;
    all.reserve(heap.ground.size() + heap.mmapped.chunks.size());
    for (const Range& range : heap.ground) all.push_back({range.start - 64_B, range.end + 64_B});
    for (const Range& range : heap.mmapped.chunks)
      all.push_back({range.start - 64_B, range.end + 64_B});
    return all;
  }
};

/// How large chunks are.
struct Sizes {
  std::uint64_t most_granules = 20;
  std::uint64_t one_large_in = 0;  ///< so many of them there is one of up to 256 KiB
};

inline Bytes made_size(Random& random, Sizes sizes) {
  if (sizes.one_large_in != 0 && one_in(random, sizes.one_large_in)) {
    return Bytes{16 * (2 + below(random, (1 << 18) / 16))};
  }
  return Bytes{16 * (2 + below(random, sizes.most_granules))};
}

/// Chunks without a gap from `at` on; the last one is not live, as in a real region.
inline std::vector<glibc::Chunk> made_region(Random& random, Address at, std::size_t count,
                                             Sizes sizes) {
  using glibc::ChunkState;
  std::vector<glibc::Chunk> chunks;
  const std::uint64_t one_free_in = 2 + below(random, 6);
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const Range range = range_of(at, made_size(random, sizes));
    const bool is_free = one_in(random, one_free_in);
    const auto state = static_cast<ChunkState>(is_free ? 1 + below(random, 3) : 0);
    chunks.push_back({range, state});
    at = range.end;
  }
  constexpr ChunkState kLast[] = {ChunkState::kTop, ChunkState::kFence, ChunkState::kLost};
  const ChunkState last = kLast[below(random, 3)];
  const Bytes size = last == ChunkState::kFence ? 16_B : made_size(random, sizes);
  chunks.push_back({range_of(at, size), last});
  return chunks;
}

/// A few regions, some of them touching, and mapped chunks between them, some of them neighbours.
inline MadeHeap made_heap(Random& random, std::size_t regions, std::size_t chunks, Sizes sizes) {
  MadeHeap made;
  Address at{0x5555'0000'0000 + 16 * below(random, 512)};
  for (std::size_t i = 0; i < regions; ++i) {
    const auto region = made_region(random, at, 1 + below(random, chunks), sizes);
    made.add_region(region);
    at = region.back().range.end;
    if (!one_in(random, 3)) at = at + Bytes{16 * below(random, 1 << 16)};
    if (one_in(random, 3)) at = at + 3_GiB;
    for (std::uint64_t n = below(random, 3); n > 0; --n) {
      at = round_up(at, 4_KiB);
      made.add_mapped(range_of(at, 4_KiB * (1 + below(random, 4))),
                      one_in(random, 3) ? Bytes{16 * below(random, 200)} : 0_B);
      at = made.heap.mmapped.chunks.back().end + 4_KiB * below(random, 2);
    }
  }
  return made;
}

inline void add_words(References& to, Address from, std::span<const std::uint64_t> words) {
  References::Batch batch;
  to.scan(from, words, batch);
  to.add(batch);
}
inline void add_mapped_words(References& to, std::size_t chunk,
                             std::span<const std::uint64_t> words) {
  References::Batch batch;
  to.scan_mapped(words, batch);
  to.add_mapped(chunk, batch);
}

}  // namespace strata
