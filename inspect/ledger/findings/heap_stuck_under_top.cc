// The main arena's heap would shrink by itself, but for a few blocks near its top.
// free() shrinks the heap from its end alone: what is free below a block in use does not count.
// Source  glibc malloc/malloc.c (_int_free, systrim; mtrim for what malloc_trim does instead).
#include <algorithm>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"
#include "inspect/ledger/findings/heap_shares.h"

namespace strata {
namespace {

// Whoever holds so little of what is stuck is worth naming; what holds more is the heap in use.
constexpr std::uint64_t kHeldForEach = 16;
// The fewest holders below which nine tenths lie: the rest is not worth more names.
constexpr std::uint64_t kMost = 9, kParts = 10;

struct Stuck {
  Bytes free;  // that would be top without the holders
  Bytes held;  // by them
  std::uint64_t chunks = 0;
  glibc::Chunk highest;
};

Stuck find_stuck(const glibc::ArenaTally& tally) {
  Bytes all;
  for (const glibc::Holder& holder : tally.holders) all += holder.free_below;
  Stuck stuck;
  for (auto holder = tally.holders.rbegin(); holder != tally.holders.rend(); ++holder) {
    if (stuck.chunks > 0 && stuck.free * kParts >= all * kMost) break;
    if (stuck.chunks == 0) stuck.highest = holder->highest;
    stuck.free += holder->free_below;
    stuck.held += holder->range.size();
    stuck.chunks += holder->chunks;
  }
  return stuck;
}

/// Where brk ends, free() can shrink the heap.
bool ends_with_brk(const Explanation& e, const glibc::Arena& arena) {
  if (!arena.is_main || !arena.is_contiguous || arena.top.value == 0) return false;
  const Mapping* const mapping = e.space.find_mapping(arena.top);
  return mapping != nullptr && mapping->is_labelled("[heap]");
}

const char* state_of(glibc::ChunkState state) {
  return state == glibc::ChunkState::kCached ? "freed, in a thread's cache" : "live";
}

}  // namespace

std::optional<Finding> check_heap_stuck_under_top(const Explanation& e) {
  if (e.glibc == nullptr || !e.glibc->heap.parameters) return std::nullopt;
  const glibc::Parameters& parameters = *e.glibc->heap.parameters;
  const HeapFigures heap = heap_figures(e);
  for (const ArenaFigures& f : heap.arenas) {
    if (!ends_with_brk(e, e.glibc->heap.arenas[f.index])) continue;
    const Stuck stuck = find_stuck(e.glibc->tally.arena(f.index));
    FreeFigures below = f.binned;
    below += f.fast;
    const Bytes resident = resident_at_least(stuck.free, below.bytes, below.resident);
    // Less than the threshold would stay in any case, as the top.
    if (stuck.free + f.top.bytes < parameters.trim_threshold) continue;
    if (stuck.held * kHeldForEach > stuck.free || !is_worth_a_line(resident, e)) continue;
    Finding finding;
    finding.bytes = resident;
    const glibc::Chunk& highest = stuck.highest;
    finding.text = fmt::format(
        "Free below {} near the heap's top{} {:#x} ({} bytes, {}). free() shrinks the heap from "
        "its "
        "top alone, once {} are free there (trim_threshold): {} are.",
        stuck.chunks == 1 ? "one chunk" : fmt::format("{} chunks", stuck.chunks),
        stuck.chunks == 1 ? ", at" : fmt::format(" ({}), the highest at", humanised(stuck.held)),
        highest.user().value, highest.range.size().value, state_of(highest.state),
        humanised(parameters.trim_threshold), humanised(f.top.bytes));
    finding.action = fmt::format(
        "malloc_trim(0) gives whole free pages back from below, too: {} in this arena now. That it "
        "goes by itself: allocate what lives long before the load, or free it with the load.",
        humanised(f.free().releasable));
    finding.saves = fmt::format("{} (all but top_pad), once {} freed and in no thread's cache.",
                                humanised(saturating_sub(resident, parameters.top_pad)),
                                stuck.chunks == 1 ? "that chunk is" : "those chunks are");
    return finding;
  }
  return std::nullopt;
}

}  // namespace strata
