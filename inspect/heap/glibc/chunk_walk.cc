#include "inspect/heap/glibc/chunk_walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace strata::glibc {
namespace {

constexpr Bytes kFence = 16_B;
// A chain of so many chunks that hold together is not there by chance.
constexpr int kChain = 16;
// Headers looked at while a new beginning is searched, in one region: some 0.3 s.
constexpr std::uint64_t kMostSearched = 1 << 24;

Bytes size_of(std::uint64_t word) { return Bytes{word & ~kFlagBits}; }

}  // namespace

ChunkWalk::ChunkWalk(Window& window, Heap& heap, const Arena& arena, const Region& region)
    : window_(window),
      heap_(heap),
      arena_(arena),
      at_(region.chunks.start),
      end_(region.chunks.end),
      top_(region.chunks.contains(arena.top) ? arena.top : Address{}) {}

bool ChunkWalk::take(Chunk& chunk, Bytes size, ChunkState state) {
  chunk = {range_of(at_, size), state};
  before_ = at_;
  at_ = at_ + size;
  return true;
}

bool ChunkWalk::is_sound(Address at, std::uint64_t word) const {
  const Bytes size = size_of(word);
  return size >= kSmallestChunk && size.value % 16 == 0 && (word & kIsMmapped) == 0 &&
         size <= end_ - at;
}

ChunkState ChunkWalk::state_of(Address chunk, std::uint64_t next_word) const {
  if ((next_word & kPreviousInUse) == 0) return ChunkState::kBinned;
  if (heap_.cached.contains(chunk)) return ChunkState::kCached;
  if (heap_.fast.contains(chunk)) return ChunkState::kFast;
  return ChunkState::kLive;
}

bool ChunkWalk::next(Chunk& chunk) {
  if (at_ >= end_) return false;
  if (at_ == top_) return take_top(chunk);
  const Window::Header* const header = window_.header(at_, end_);
  if (header == nullptr) return lose(chunk);
  const std::uint64_t word = header->size;
  const Bytes size = size_of(word);
  if (size <= kFence) return end_in_fences(chunk, size);
  if (!is_sound(at_, word)) {
    // Whatever others got by brk lies behind a fence, and is no damage.
    if (!is_behind_fence_) report_size(word);
    return lose(chunk);
  }
  const Address behind = at_ + size;
  if (behind == end_) {
    // A region ends in its top or in fences, so this size is not what it was.
    report_size(word);
    return lose(chunk);
  }
  const Window::Header* const next = window_.header(behind, end_);
  if (next == nullptr) {
    // Its own header is sound; whether it is free is not to be known.
    return take(chunk, size, state_of(at_, kPreviousInUse));
  }
  is_behind_fence_ = false;
  // What stands right before the last fence fills the place of a top that was given up.
  if (size == kSmallestChunk && behind + kFence == end_ && size_of(next->size) == 0_B) {
    return take(chunk, size, ChunkState::kFence);
  }
  const ChunkState state = state_of(at_, next->size);
  if (state == ChunkState::kBinned && next->previous != size.value) {
    heap_.report({behind,
                  fmt::format("{}: the chunk at {:#x} is free and of {} bytes, and the word "
                              "behind it says {}",
                              arena_.name, at_.value, size.value, next->previous),
                  "a block was written beyond its end, or after it was freed"});
  }
  return take(chunk, size, state);
}

bool ChunkWalk::take_top(Chunk& chunk) {
  const Window::Header* const header = window_.header(at_, end_);
  if (header != nullptr && size_of(header->size) != end_ - at_) {
    heap_.report(
        {at_ + 8_B,
         fmt::format("{}: its top chunk at {:#x} is {} bytes to its own word, and {} to the "
                     "end of its region",
                     arena_.name, at_.value, size_of(header->size).value, (end_ - at_).value),
         "the block before it was written beyond its end"});
  }
  return take(chunk, end_ - at_, ChunkState::kTop);
}

/// Regions that are not the arena's last end in one or two chunks too small to be used.
bool ChunkWalk::end_in_fences(Chunk& chunk, Bytes size) {
  if (size == 0_B && at_ + kFence == end_) return take(chunk, kFence, ChunkState::kFence);
  if (size == kFence && at_ + kFence <= end_) {
    const Window::Header* const next = window_.header(at_ + kFence, end_);
    const bool is_last = at_ + kFence == end_ && is_behind_fence_;
    if (is_last || is_behind_fence_ || (next != nullptr && size_of(next->size) <= kFence)) {
      is_behind_fence_ = true;
      return take(chunk, kFence, ChunkState::kFence);
    }
  }
  if (!is_behind_fence_) report_size(size.value);
  return lose(chunk);
}

void ChunkWalk::report_size(std::uint64_t word) {
  heap_.report(
      {at_ + 8_B,
       before_.value == 0
           ? fmt::format("{}: its first chunk, at {:#x}, has the size {:#x}", arena_.name,
                         at_.value, word)
           : fmt::format("{}: the chunk at {:#x}, behind the one at {:#x}, has the size {:#x}",
                         arena_.name, at_.value, before_.value, word),
       before_.value == 0 ? "the heap was written over"
                          : "the block before it was written beyond its end"});
}

bool ChunkWalk::lose(Chunk& chunk) {
  const Address from = at_;
  at_ = find_chain(at_ + 16_B);
  before_ = {};
  is_behind_fence_ = false;
  chunk = {{from, at_}, ChunkState::kLost};
  return true;
}

bool ChunkWalk::chain_holds(Address from) {
  Address at = from;
  for (int i = 0; i < kChain; ++i) {
    if (at == top_) return i > 0 || at == from;
    const Window::Header* const header = window_.header(at, end_);
    if (header == nullptr || !is_sound(at, header->size)) return false;
    const Bytes size = size_of(header->size);
    at = at + size;
    if (at >= end_) return false;
    const Window::Header* const next = window_.header(at, end_);
    if (next == nullptr) return false;
    ++searched_;
    if ((next->size & kPreviousInUse) == 0 && next->previous != size.value) return false;
  }
  return true;
}

Address ChunkWalk::find_chain(Address from) {
  for (Address at = from; at < end_; at = at + 16_B) {
    if (at == top_) return at;
    if (++searched_ > kMostSearched) return top_ > at ? top_ : end_;
    const Window::Header* const header = window_.header(at, end_);
    if (header == nullptr) {
      // Were the page itself resident, its end is what is not.
      const Address next = window_.next_resident(at, end_);
      at = (next == at ? round_up(at + 1_B, page_size()) : round_up(next, 16_B)) - 16_B;
      continue;
    }
    if (is_sound(at, header->size) && chain_holds(at)) return at;
  }
  return end_;
}

}  // namespace strata::glibc
