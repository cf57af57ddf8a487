#include "inspect/heap/glibc/chunk_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "inspect/heap/glibc/tally.h"

namespace strata::glibc {
namespace {

constexpr Bytes kFence = 16_B;
// A chain of so many chunks that hold together is not there by chance.
constexpr int kChain = 16;
// Headers looked at while a new beginning is searched: some 0.3 s.
constexpr std::uint64_t kMostSearched = 1 << 24;
// Of them, to tell whether a size that leads astray is the chunk's own or the next one's.
constexpr std::uint64_t kMostMisled = 1 << 18;
// One that is not resident costs a question to the kernel.
constexpr std::uint64_t kAbsent = 16;

constexpr const char* kOverrun = "the block before it was written beyond its end";
constexpr const char* kUseAfterFree = "the block was written to after it was freed";

Bytes size_of(std::uint64_t word) { return Bytes{word & ~kFlagBits}; }

}  // namespace

ChunkWalk::ChunkWalk(Window& window, Heap& heap, const Arena& arena, const Region& region)
    : window_(window),
      heap_(heap),
      arena_(arena),
      at_(region.chunks.start),
      end_(region.chunks.end),
      top_(region.chunks.contains(arena.top) ? arena.top : Address{}),
      bins_(range_of(arena.state + arena.layout.bins - kHeader, Layout::kBinBytes)) {}

bool ChunkWalk::take(Chunk& chunk, Bytes size, ChunkState state) {
  chunk = {range_of(at_, size), state};
  before_ = at_;
  is_first_ = false;
  at_ = at_ + size;
  return true;
}

bool ChunkWalk::is_sound(Address at, std::uint64_t word) const {
  const Bytes size = size_of(word);
  return size >= kSmallestChunk && size.value % 16 == 0 && (word & kIsMmapped) == 0 &&
         size <= end_ - at;
}

/// Whether `word` can be the size of what stands at `at`, be it a chunk, the top or a fence.
bool ChunkWalk::can_follow(Address at, std::uint64_t word) const {
  return at == top_ || is_sound(at, word) || size_of(word) == kFence ||
         (size_of(word) == 0_B && end_ - at == kFence);
}

ChunkState ChunkWalk::state_in_lists(Address chunk) const {
  if (heap_.cached.contains(chunk)) return ChunkState::kCached;
  if (heap_.fast.contains(chunk)) return ChunkState::kFast;
  return ChunkState::kLive;
}

/// A link of a bin leads to another free chunk, or to the unsorted bin, or the one for its size.
bool ChunkWalk::leads_well(Address link, Bytes size) const {
  if (link == at_) return false;
  if (bins_.contains(link)) {
    return link == bins_.start || link == bins_.start + Bytes{(bin_of(size) - 1) * 16};
  }
  return (link >= end_ || link < at_ || link.value % 16 != 0) ? heap_.can_hold(link) : true;
}

/// Where the chunk behind says so.
bool ChunkWalk::is_free(Bytes size, std::uint64_t word,
                        const std::optional<Window::Header>& at_hand, const Window::Header& next) {
  const Address behind = at_ + size;
  // A bit of what is no size at all says nothing.
  if (!can_follow(behind, next.size)) return false;
  const bool foot_holds = next.previous == size.value;
  std::optional<Window::Header> links = at_hand;
  if (!links) {
    if (const auto* const read = window_.header(at_ + kHeader, end_)) links = *read;
  }
  first_word_ = links ? links->previous : 0;
  const bool forth = !links || leads_well(Address{links->previous}, size);
  const bool back = !links || leads_well(Address{links->size}, size);
  const bool in_list = state_in_lists(at_) != ChunkState::kLive;
  if (in_list || (!foot_holds && !forth && !back)) {
    report(
        behind + 8_B,
        fmt::format("the chunk at {:#x} is in use, and the size behind it, {:#x}, says that it is "
                    "free",
                    at_.value, next.size),
        in_list ? "the block was written beyond its end, or freed twice" : kOverrun);
    return false;
  }
  if (!foot_holds) {
    report(behind,
           fmt::format("the chunk at {:#x} is free and of {} bytes, and the word behind it says {}",
                       at_.value, size.value, next.previous),
           "a block was written beyond its end, or after it was freed");
  }
  if (!forth || !back) {
    report(at_ + kHeader + (forth ? 8_B : 0_B),
           fmt::format("the free chunk at {:#x} ({} bytes) leads to {:#x}, where no free chunk and "
                       "no bin of its size can be",
                       at_.value, size.value, forth ? links->size : links->previous),
           kUseAfterFree);
  }
  if ((word & kPreviousInUse) == 0) {
    report(at_ + 8_B,
           fmt::format("the chunk at {:#x} is free, as is the one before it by its word: two that "
                       "should be one",
                       at_.value),
           kOverrun);
  }
  return true;
}

/// Bits of a chunk's size that its place decides.
void ChunkWalk::check_flags(std::uint64_t word, ChunkState state) {
  if (is_first_ && (word & kPreviousInUse) == 0) {
    report(at_ + 8_B,
           fmt::format("its first chunk, at {:#x}, has the size {:#x}, which says that one stands "
                       "before it",
                       at_.value, word),
           "the heap was written over");
  }
  const bool says_other = (word & kNotMainArena) != 0;
  const bool is_other = !arena_.is_main && state != ChunkState::kBinned;
  if (says_other != is_other) {
    report(at_ + 8_B,
           fmt::format("the chunk at {:#x} has the size {:#x}, whose bit 2 says that it is {} main "
                       "arena's",
                       at_.value, word, says_other ? "not the" : "the"),
           kOverrun);
  }
}

bool ChunkWalk::next(Chunk& chunk) {
  if (at_ >= end_) return false;
  first_word_ = 0;
  if (at_ == top_) return take_top(chunk);
  const Window::Header* const header = window_.header(at_, end_);
  if (header == nullptr) return lose_absent(chunk);
  const std::uint64_t word = header->size;
  const Bytes size = size_of(word);
  if (size <= kFence) return end_in_fences(chunk, size);
  if (!is_sound(at_, word)) {
    // Whatever others got by brk lies behind a fence, and is no damage.
    if (!is_behind_fence_) report_size(word);
    return lose(chunk);
  }
  Window::prefetch_behind(header, size);
  const Address behind = at_ + size;
  if (behind == end_) {
    // Where the arena no longer knows its top, this is it.
    if (arena_.is_top_lost) return take(chunk, size, ChunkState::kTop);
    // A region ends in its top or in fences, so this size is not what it was.
    report_size(word);
    return lose(chunk);
  }
  if (at_ < top_ && top_ < behind) {
    report_size(word);
    return lose(chunk);
  }
  // Mostly at hand now, and not once what stands behind a large chunk was read.
  const Window::Header* const at_links = window_.header_at_hand(at_ + kHeader);
  auto links = at_links == nullptr ? std::nullopt : std::optional(*at_links);
  const Window::Header* const found = window_.header(behind, end_);
  if (found == nullptr) {
    if (misleads(behind)) return lose(chunk);
    // Its own header is sound; whether it is free is not to be known.
    return take(chunk, size, state_in_lists(at_));
  }
  const Window::Header next = *found;
  if (!links && size <= kLargestFast) {
    if (const auto* const read = window_.header(at_ + kHeader, end_)) links = *read;
  }
  first_word_ = links ? links->previous : 0;
  if (!can_follow(behind, next.size) && behind != top_ && misleads(behind)) return lose(chunk);
  is_behind_fence_ = false;
  // What stands right before the last fence fills the place of a top that was given up.
  if (size == kSmallestChunk && behind + kFence == end_ && size_of(next.size) == 0_B) {
    return take(chunk, size, ChunkState::kFence);
  }
  const bool says_free = (next.size & kPreviousInUse) == 0;
  const ChunkState state =
      says_free && is_free(size, word, links, next) ? ChunkState::kBinned : state_in_lists(at_);
  check_flags(word, state);
  return take(chunk, size, state);
}

bool ChunkWalk::take_top(Chunk& chunk) {
  const Window::Header* const header = window_.header(at_, end_);
  if (header != nullptr && size_of(header->size) != end_ - at_) {
    report(at_ + 8_B,
           fmt::format("its top chunk at {:#x} is {} bytes to its own word, and {} to the end of "
                       "its region",
                       at_.value, size_of(header->size).value, (end_ - at_).value),
           kOverrun);
  } else if (header != nullptr && (header->size & kPreviousInUse) == 0) {
    report(at_ + 8_B,
           fmt::format("its top chunk at {:#x} has the size {:#x}, which says that the one before "
                       "it is free: it would be part of the top",
                       at_.value, header->size),
           kOverrun);
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

void ChunkWalk::report(Address at, std::string what, const char* cause) {
  heap_.report(arena_, {at, fmt::format("{}: {}", arena_.name, std::move(what)), cause, at_, {}});
}

void ChunkWalk::report_size(std::uint64_t word) {
  if (before_.value == 0) {
    return report(at_ + 8_B,
                  fmt::format("{}, at {:#x}, has the size {:#x}",
                              is_first_ ? "its first chunk" : "a chunk", at_.value, word),
                  "the heap was written over");
  }
  report(
      at_ + 8_B,
      fmt::format("the chunk at {:#x} has the size {:#x}, if the size of the one before it, {:#x} "
                  "at {:#x}, is its own",
                  at_.value, word, (at_ - before_).value, (before_ + 8_B).value),
      kOverrun);
}

/// Whether it is this chunk's size that is wrong where no chunk begins at `behind`: others hold
/// together that begin before that place and lead past it.
bool ChunkWalk::misleads(Address behind) {
  const std::uint64_t limit = std::min(heap_.searched + kMostMisled, kMostSearched);
  for (Address at = at_ + kSmallestChunk; at < behind && heap_.searched < limit; at = at + 16_B) {
    ++heap_.searched;
    if (!chain_holds(at, behind)) continue;
    report(
        at_ + 8_B,
        fmt::format("the chunk at {:#x} has a size of {} bytes, which leads into a block: chunks "
                    "that hold together go on from {:#x}",
                    at_.value, (behind - at_).value, at.value),
        kOverrun);
    return true;
  }
  return false;
}

bool ChunkWalk::lose(Chunk& chunk) {
  const Address from = at_;
  at_ = find_chain(at_ + 16_B);
  before_ = {};
  is_first_ = false;
  is_behind_fence_ = false;
  chunk = {{from, at_}, ChunkState::kLost};
  return true;
}

bool ChunkWalk::lose_absent(Chunk& chunk) {
  lose(chunk);
  heap_.not_resident += chunk.range.size();
  return true;
}

/// Whether a chain leads on from `from`, and none of its chunks begins at `past` or reaches beyond
/// it from below.
bool ChunkWalk::chain_holds(Address from, Address past) {
  Address at = from;
  for (int i = 0; i < kChain; ++i) {
    if (at == top_) return true;
    if (at == past) return false;
    const Window::Header* const header = window_.header(at, end_);
    if (header == nullptr) return false;
    const std::uint64_t word = header->size;
    // Where the region ends in fences.
    if (i > 0 && size_of(word) <= kFence && end_ - at <= kFence * 2) return true;
    if (!is_sound(at, word)) return false;
    const Bytes size = size_of(word);
    at = at + size;
    if (at >= end_) return false;
    const Window::Header* const next = window_.header(at, end_);
    if (next == nullptr) return false;
    ++heap_.searched;
    if ((next->size & kPreviousInUse) == 0 && next->previous != size.value) return false;
  }
  return true;
}

Address ChunkWalk::find_chain(Address from) {
  for (Address at = from; at < end_; at = at + 16_B) {
    if (at == top_) return at;
    if (++heap_.searched > kMostSearched) return top_ > at ? top_ : end_;
    const Window::Header* const header = window_.header(at, end_);
    if (header == nullptr) {
      heap_.searched += kAbsent;
      // Were the page itself resident, its end is what is not.
      const Address next = window_.next_resident(at, end_);
      at = (next == at ? round_up(at + 1_B, page_size()) : round_up(next, 16_B)) - 16_B;
      continue;
    }
    if (is_sound(at, header->size) && chain_holds(at, {})) return at;
  }
  return end_;
}

}  // namespace strata::glibc
