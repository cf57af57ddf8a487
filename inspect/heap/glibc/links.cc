#include "inspect/heap/glibc/links.h"

#include <algorithm>

#include "inspect/heap/glibc/chunk_walk.h"

namespace strata::glibc {
namespace {

// MAX_FAST_SIZE: what mallopt() can raise the limit of fast bins to.
constexpr Bytes kLargestFast = 176_B;

}  // namespace

std::optional<Link> ReadLinks::of(Address chunk, List list) {
  if (++asked_ > kMost) return std::nullopt;
  const auto size = peek_.word(chunk + 8_B);
  const auto forward = peek_.word(chunk + kHeader);
  if (!size || !forward) return std::nullopt;
  Link link;
  link.size = Bytes{*size & ~kFlagBits};
  if (list == List::kFast) {
    link.next = follow(linking_, chunk + kHeader, *forward);
    return link;
  }
  link.next = Address{*forward};
  const auto back = peek_.word(chunk + kHeader + 8_B);
  if (!back) return std::nullopt;
  link.back = Address{*back};
  return link;
}

KeptLinks::KeptLinks(const PresentMemory& memory, Heap& heap) : heap_(heap), ground_(heap.ground) {
  Window window(memory);
  // What the walk finds damaged is found again by the one that counts.
  const Heap::Reported then = heap.reported();
  // By address, as kept_ has to be.
  std::vector<std::pair<const Region*, const Arena*>> regions;
  for (const Arena& arena : heap.arenas) {
    for (const Region& region : arena.regions) regions.emplace_back(&region, &arena);
  }
  std::sort(regions.begin(), regions.end(),
            [](const auto& a, const auto& b) { return a.first->chunks < b.first->chunks; });
  for (const auto& [region, arena] : regions) {
    ChunkWalk walk(window, heap, *arena, *region);
    for (Chunk chunk; walk.next(chunk);) {
      const Address at = chunk.range.start;
      const bool could_be_fast =
          chunk.state == ChunkState::kLive && chunk.range.size() <= kLargestFast;
      if (!could_be_fast && chunk.state != ChunkState::kBinned) continue;
      const Window::Header* const words = window.header(chunk.user(), region->chunks.end);
      if (words == nullptr) continue;
      const std::uint64_t forward = words->previous;
      if (!could_be_fast) {
        keep(at, Address{forward});
        continue;
      }
      const Address next = follow(heap.linking, chunk.user(), forward);
      if (next.value == 0 || heap.can_hold(next)) keep(at, next);
    }
  }
  heap.forget_since(then);
  heap.searched = 0;
  heap.not_resident = {};
  bytes_read_ = window.bytes_read();
}

void KeptLinks::keep(Address chunk, Address next) {
  const auto number = ground_.number_of(chunk);
  if (!number || kept_.size() >= kMost) {
    is_cut_ = true;
    return;
  }
  kept_.push_back({*number, ground_.number_of(next).value_or(kEnd)});
}

std::optional<Link> KeptLinks::of(Address chunk, List) {
  const auto number = ground_.number_of(chunk);
  if (!number) return std::nullopt;
  const auto found = std::lower_bound(kept_.begin(), kept_.end(), *number,
                                      [](const Kept& k, std::uint32_t n) { return k.chunk < n; });
  if (found == kept_.end() || found->chunk != *number) return std::nullopt;
  return Link{found->next == kEnd ? Address{} : ground_.address_of(found->next), {}, {}};
}

}  // namespace strata::glibc
