#include "inspect/heap/glibc/tally.h"

#include <algorithm>
#include <utility>

namespace strata::glibc {

std::size_t bin_of(Bytes size) {
  const std::uint64_t n = size.value;
  if (n < 1024) return n >> 4;
  // Large bins are as wide as a 64th, 512th, 4096th … of what they hold.
  if (n >> 6 <= 48) return 48 + (n >> 6);
  if (n >> 9 <= 20) return 91 + (n >> 9);
  if (n >> 12 <= 10) return 110 + (n >> 12);
  if (n >> 15 <= 4) return 119 + (n >> 15);
  if (n >> 18 <= 2) return 124 + (n >> 18);
  return 126;
}

void Tally::add(std::size_t arena, const Chunk& chunk, const Heap& heap) {
  ArenaTally& tally = arenas_[arena];
  const Bytes size = chunk.range.size();
  const auto state = static_cast<std::size_t>(chunk.state);
  ++tally.states[state].chunks;
  tally.states[state].bytes += size;
  if (chunk.state == ChunkState::kBinned) {
    ListCount& bin = tally.bins[bin_of(size)];
    ++bin.chunks;
    bin.bytes += size;
  }
  note_below_top(arena, chunk, heap);
  if (chunk.state == ChunkState::kLost || chunk.state == ChunkState::kTop) return;
  const std::size_t small = size.value / 16;
  if (small < kSmallSizes) {
    ++small_[small][state];
    return;
  }
  const bool is_full = large_.size() >= kMostLargeSizes && !large_.contains(size);
  ++large_[is_full ? 0_B : size][state];
}

void Tally::move_to_unsorted(std::size_t arena, Bytes size) {
  ListCount& from = arenas_[arena].bins[bin_of(size)];
  ListCount& to = arenas_[arena].bins[1];
  --from.chunks, ++to.chunks;
  from.bytes -= size, to.bytes += size;
}

void Tally::note_below_top(std::size_t number, const Chunk& chunk, const Heap& heap) {
  BelowTop& below = below_tops_[number];
  if (!below.chunks) {
    const Arena& arena = heap.arenas[number];
    below.chunks.emplace();
    for (const Region& region : arena.regions) {
      if (region.chunks.contains(arena.top)) below.chunks = region.chunks;
    }
  }
  if (!below.chunks->contains(chunk.range.start)) return;
  std::deque<Holder>& holders = arenas_[number].holders;
  const bool was_in_use = std::exchange(below.in_use, false);
  switch (chunk.state) {
    case ChunkState::kTop:
      return;
    case ChunkState::kBinned:
    case ChunkState::kFast:
      below.free += chunk.range.size();
      return;
    case ChunkState::kLive:
    case ChunkState::kCached:
      below.in_use = true;
      if (!was_in_use) {
        if (holders.size() == kHolders) holders.pop_front();
        holders.push_back({{chunk.range.start, {}}, 0, {}, std::exchange(below.free, 0_B)});
      }
      holders.back().range.end = chunk.range.end;
      holders.back().highest = chunk;
      ++holders.back().chunks;
      return;
    case ChunkState::kFence:
    case ChunkState::kLost:  // no free() ever joins what is on its two sides
      holders.clear();
      below.free = {};
  }
}

void Tally::add_hole(const Hole& hole) {
  const auto wider = [](const Hole& a, const Hole& b) { return a.range.size() > b.range.size(); };
  if (holes_.size() == kHoles) {
    if (!wider(hole, holes_.back())) return;
    holes_.pop_back();
  }
  holes_.insert(std::upper_bound(holes_.begin(), holes_.end(), hole, wider), hole);
}

std::map<Bytes, ByState> Tally::sizes() const {
  std::map<Bytes, ByState> all = large_;
  for (std::size_t i = 0; i < kSmallSizes; ++i) {
    if (std::any_of(small_[i].begin(), small_[i].end(), [](auto count) { return count != 0; })) {
      all.emplace(Bytes{i * 16}, small_[i]);
    }
  }
  return all;
}

}  // namespace strata::glibc
