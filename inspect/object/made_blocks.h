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

/// What begins where, in shared ground.
struct Chunk {
  Range range;
  BlockMap::Use use;
};
inline constexpr auto kLive = BlockMap::Use::kLive;
inline constexpr auto kNotLive = BlockMap::Use::kNotLive;

/// Where a block's user may write, and what the block is.
struct Written {
  Range user;
  Range chunk;
  bool is_apart = false;
};

struct MadeHeap {
  using Headers = BlockGround::Headers;

  explicit MadeHeap(Headers headers = Headers::kInBand) { ground.headers = headers; }

  BlockGround ground;
  std::vector<Chunk> chunks;           // of shared ground, by address
  std::map<Address, Written> written;  // live ones, by where the user's bytes begin

  Bytes header() const { return ground.headers == Headers::kInBand ? 16_B : 0_B; }
  void add_region(const std::vector<Chunk>& region) {
    ground.shared.push_back({region.front().range.start, region.back().range.end});
    for (const Chunk& chunk : region) {
      chunks.push_back(chunk);
      if (chunk.use == kLive) {
        const Range& r = chunk.range;
        const Range user{r.start + header(), r.end + Bytes{header().value / 2}};
        written[user.start] = {user, r, false};
      }
    }
  }
  /// With its header `offset` behind its start, as memalign() puts it.
  void add_apart(Range chunk, Bytes offset = {}) {
    const Address user = chunk.start + offset + header();
    ground.apart.push_back(chunk);
    ground.apart_users.push_back(user);
    written[user] = {{user, chunk.end}, chunk, true};
  }

  BlockMap map() const {
    auto map = BlockMap::make(ground);
    for (const Chunk& chunk : chunks) map->add(chunk.range.start, chunk.use);
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
    all.reserve(ground.shared.size() + ground.apart.size());
    for (const Range& range : ground.shared) all.push_back({range.start - 64_B, range.end + 64_B});
    for (const Range& range : ground.apart) all.push_back({range.start - 64_B, range.end + 64_B});
    return all;
  }
};

/// How large chunks are.
struct Sizes {
  std::uint64_t most_granules = 20;
  std::uint64_t least_granules = 2;
  std::uint64_t one_large_in = 0;  ///< so many of them there is one of up to 256 KiB
};

inline Bytes made_size(Random& random, Sizes sizes) {
  if (sizes.one_large_in != 0 && one_in(random, sizes.one_large_in)) {
    return Bytes{16 * (2 + below(random, (1 << 18) / 16))};
  }
  return Bytes{16 * (sizes.least_granules + below(random, sizes.most_granules))};
}

/// Chunks without a gap from `at` on; the last one is not live, as what ends a real region.
inline std::vector<Chunk> made_region(Random& random, Address at, std::size_t count, Sizes sizes) {
  std::vector<Chunk> chunks;
  const std::uint64_t one_free_in = 2 + below(random, 6);
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const Range range = range_of(at, made_size(random, sizes));
    chunks.push_back({range, one_in(random, one_free_in) ? kNotLive : kLive});
    at = range.end;
  }
  const Bytes size = one_in(random, 3) ? 16_B : made_size(random, sizes);
  chunks.push_back({range_of(at, size), kNotLive});
  return chunks;
}

/// A few regions, some of them touching, and blocks that lie apart between them, some of them
/// neighbours; with headers or without.
inline MadeHeap made_heap(Random& random, std::size_t regions, std::size_t chunks, Sizes sizes) {
  const bool has_headers = one_in(random, 2);
  MadeHeap made(has_headers ? MadeHeap::Headers::kInBand : MadeHeap::Headers::kNone);
  if (!has_headers) sizes.least_granules = 1;
  Address at{0x5555'0000'0000 + 16 * below(random, 512)};
  for (std::size_t i = 0; i < regions; ++i) {
    const auto region = made_region(random, at, 1 + below(random, chunks), sizes);
    made.add_region(region);
    at = region.back().range.end;
    if (!one_in(random, 3)) at = at + Bytes{16 * below(random, 1 << 16)};
    if (one_in(random, 3)) at = at + 3_GiB;
    for (std::uint64_t n = below(random, 3); n > 0; --n) {
      at = round_up(at, 4_KiB);
      made.add_apart(range_of(at, 4_KiB * (1 + below(random, 4))),
                     one_in(random, 3) ? Bytes{16 * below(random, 200)} : 0_B);
      at = made.ground.apart.back().end + 4_KiB * below(random, 2);
    }
  }
  return made;
}

inline void add_words(References& to, Address from, std::span<const std::uint64_t> words) {
  References::Batch batch;
  to.scan(from, words, batch);
  to.add(batch);
}
inline void add_apart_words(References& to, std::size_t chunk,
                            std::span<const std::uint64_t> words) {
  References::Batch batch;
  to.scan_apart(words, batch);
  to.add_apart(chunk, batch);
}

}  // namespace strata
