#include "inspect/heap/glibc/fast_bins.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace strata::glibc {
namespace {

constexpr const char* kUseAfterFree = "a block was written to after it was freed";
constexpr const char* kOverrun = "the block before it was written beyond its end";

}  // namespace

FastBins::FastBins(const PresentMemory& memory, Heap& heap)
    : memory_(memory), heap_(heap), ground_(heap.ground) {
  if (!heap.ground.empty()) all_ground_ = {heap.ground.front().start, heap.ground.back().end};
  has_any_ = std::any_of(heap.arenas.begin(), heap.arenas.end(),
                         [](const Arena& arena) { return arena.layout.has_fast_bins(); });
}

void FastBins::begin() {
  kept_.clear();
  is_cut_ = is_short_ = false;
  heap_.fast = {};
}

void FastBins::keep(const Chunk& chunk, std::uint64_t first_word) {
  const Address next = strata::glibc::follow(heap_.linking, chunk.user(), first_word);
  // A plain link of 0 is what any zeroed block begins with.
  if (next.value == 0 && heap_.linking == Linking::kPlain) return;
  if (next.value != 0 && (!all_ground_.contains(next) || next.value % 16 != 0)) return;
  const auto number = ground_.number_of(chunk.range.start);
  const auto next_number = ground_.number_of(next);
  if (next.value != 0 && !next_number) return;
  if (!number || kept_.size() >= kMost) {
    is_cut_ = true;
    return;
  }
  kept_.push_back({*number, next_number.value_or(kEnd),
                   static_cast<std::uint16_t>(chunk.range.size() / Ground::kGranule), false});
}

FastBins::Link FastBins::link_of(const Kept& kept) const {
  const Address next = kept.next == kEnd ? Address{} : ground_.address_of(kept.next);
  return {next, Ground::kGranule * kept.size};
}

/// Of one that was not kept.
std::optional<FastBins::Link> FastBins::read_link(Address chunk, Rest rest) {
  if (rest == Rest::kEnds) {
    is_short_ |= is_cut_;
    return std::nullopt;
  }
  if (++read_ > kMostRead) {
    is_short_ = true;
    return std::nullopt;
  }
  const auto words = memory_.value<std::array<std::uint64_t, 2>>(chunk + 8_B);
  if (!words) return std::nullopt;
  return Link{strata::glibc::follow(heap_.linking, chunk + kHeader, (*words)[1]),
              Bytes{(*words)[0] & ~kFlagBits}};
}

/// That it stands in a list; false where it stands in one already.
bool FastBins::mark(Address chunk, std::size_t kept) {
  if (kept < kept_.size()) return !std::exchange(kept_[kept].is_listed, true);
  return !heap_.cached.contains(chunk) && heap_.fast.insert(chunk);
}

void FastBins::follow(Rest rest) {
  read_ = 0;
  for (const Arena& arena : heap_.arenas) {
    if (!arena.layout.has_fast_bins()) continue;
    for (std::size_t bin = 0; bin < Layout::kFastBins; ++bin) follow(arena, bin, rest);
  }
  // In the order of addresses, which is quick.
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    if (kept_[i].is_listed) heap_.fast.insert(ground_.address_of(kept_[i].chunk));
  }
}

void FastBins::follow(const Arena& arena, std::size_t bin, Rest rest) {
  const Bytes expected = kSmallestChunk + Bytes{bin * 16};
  Address field = arena.state + arena.layout.fast_bins() + Bytes{bin * 8};
  Address chunk = arena.fast_bins[bin];
  // A list that was changed since leads elsewhere than the links that were kept.
  const bool stood = rest == Rest::kIsRead && memory_.value<std::uint64_t>(field) == chunk.value;
  const auto damaged = [&](Address about, std::string what, const char* cause) {
    if (!stood) return;
    heap_.report(arena, {field,
                         fmt::format("{}, fast bin of {} bytes: {}", arena.name, expected.value,
                                     std::move(what)),
                         cause,
                         about,
                         {}});
  };
  Address from;
  while (chunk.value != 0) {
    if (!heap_.can_hold(chunk)) {
      return damaged(from, fmt::format("a link leads to {:#x}, outside of the heap", chunk.value),
                     kUseAfterFree);
    }
    const auto number = ground_.number_of(chunk);
    const std::size_t kept = number ? kept_.find(*number) : kept_.size();
    const auto link =
        kept < kept_.size() ? std::optional(link_of(kept_[kept])) : read_link(chunk, rest);
    if (!link) {
      // Something in the list led here: its last one, mostly.
      if (rest == Rest::kEnds) heap_.fast.insert(chunk);
      return;
    }
    if (link->size != expected) {
      field = chunk + 8_B;
      return damaged(chunk,
                     fmt::format("the chunk at {:#x} has {} bytes", chunk.value, link->size.value),
                     kOverrun);
    }
    if (!mark(chunk, kept)) {
      return damaged(chunk,
                     fmt::format("it leads to the block at {:#x} (chunk {:#x}), which stands in "
                                 "the lists already",
                                 (chunk + kHeader).value, chunk.value),
                     "that block was freed twice, or the link was written after it was freed");
    }
    from = chunk;
    field = chunk + kHeader;
    chunk = link->next;
  }
}

std::optional<std::string> FastBins::note() const {
  if (!is_short_) return std::nullopt;
  return "glibc has more chunks in fast bins than are kept apart at a time; some count as live";
}

}  // namespace strata::glibc
