#include "inspect/object/glibc_blocks.h"

#include <algorithm>
#include <utility>

#include "inspect/heap/glibc/chunk_walk.h"

namespace strata {

GlibcBlocks::GlibcBlocks(const PresentMemory& memory, glibc::Heap heap)
    : memory_(memory), heap_(std::move(heap)), fast_(memory_, heap_) {}

BlockGround GlibcBlocks::ground() const {
  BlockGround ground;
  ground.headers = BlockGround::Headers::kInBand;
  ground.shared = heap_.ground;
  ground.apart = heap_.mmapped.chunks;
  for (const Address header : heap_.mmapped.headers) {
    ground.apart_users.push_back(header + glibc::kHeader);
  }
  // From 2.43 on a mapped chunk keeps a word for its end, as all others do; fast bins went with it.
  const bool has_tail =
      std::none_of(heap_.arenas.begin(), heap_.arenas.end(),
                   [](const glibc::Arena& arena) { return arena.layout.has_fast_bins(); });
  ground.apart_tail = has_tail ? 8_B : 0_B;
  return ground;
}

Bytes GlibcBlocks::read(BlockMap& map, References& references) {
  std::vector<std::pair<const glibc::Region*, const glibc::Arena*>> regions;
  for (const glibc::Arena& arena : heap_.arenas) {
    for (const glibc::Region& region : arena.regions) regions.emplace_back(&region, &arena);
  }
  std::sort(regions.begin(), regions.end(),
            [](const auto& a, const auto& b) { return a.first->chunks < b.first->chunks; });
  std::vector<Range> ranges;
  for (const auto& [region, arena] : regions) {
    // Of the top its header alone.
    const bool has_top = region->chunks.contains(arena->top);
    ranges.push_back(
        {region->chunks.start, has_top ? arena->top + glibc::kHeader : region->chunks.end});
  }
  ReferenceBatches batches;
  const auto scan = [&](const Piece& piece, std::size_t slot) {
    scan_piece(references, piece, batches[slot]);
  };
  const auto add = [&](const Piece&, std::size_t slot) { references.add(batches[slot]); };
  glibc::Window window(memory_, std::move(ranges), scan, add);
  for (const auto& [region, arena] : regions) {
    glibc::ChunkWalk walk(window, heap_, *arena, *region);
    for (glibc::Chunk chunk; walk.next(chunk);) {
      const bool is_live = chunk.state == glibc::ChunkState::kLive;
      map.add(chunk.range.start, is_live ? BlockMap::Use::kLive : BlockMap::Use::kNotLive);
      if (is_live) fast_.pass(chunk, walk.first_word());
      if (chunk.state == glibc::ChunkState::kLost) lost_.push_back(chunk.range);
    }
  }
  window.finish();
  return window.bytes_read();
}

void GlibcBlocks::settle(BlockMap& map) {
  fast_.follow(glibc::FastBins::Rest::kEnds);
  heap_.fast.each([&](Address chunk) { map.free(chunk); });
  if (auto note = fast_.note()) heap_.notes.push_back(std::move(*note));
}

std::vector<Range> GlibcBlocks::own() const {
  std::vector<Range> own = heap_.mmapped.chunks;
  for (const glibc::Arena& arena : heap_.arenas) {
    own.push_back(range_of(arena.state, arena.layout.size()));
    for (const glibc::Region& region : arena.regions) own.push_back(region.range);
  }
  return own;
}

std::vector<std::string> GlibcBlocks::notes() const {
  std::vector<std::string> notes = heap_.notes;
  if (!heap_.damage.empty()) {
    notes.insert(notes.begin(), "glibc's heap is damaged, so some of this may be wrong: " +
                                    heap_.damage.front().what);
  }
  return notes;
}

}  // namespace strata
