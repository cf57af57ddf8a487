// One arena keeps nearly all free memory, and only its own threads can be given it.
// Source  glibc malloc/arena.c (arena_get: a thread stays with its arena), malloc/malloc.c.
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"
#include "inspect/ledger/findings/heap_shares.h"

namespace strata {
namespace {

// Of all that is free and resident: three quarters, or it is no hoard.
constexpr std::uint64_t kHoardParts = 4, kHoardLeast = 3;

/// What the threads of other arenas hold, who cannot be given what this one has free.
Bytes live_elsewhere(const Explanation& e, const HeapFigures& heap, std::size_t hoard) {
  Bytes live;
  for (const ArenaFigures& f : heap.arenas) {
    if (f.index != hoard && !e.glibc->heap.arenas[f.index].threads.empty()) live += f.live_resident;
  }
  return live;
}

}  // namespace

std::optional<Finding> check_heap_arena_hoarding(const Explanation& e) {
  if (e.glibc == nullptr || e.glibc->heap.arenas.size() < 2) return std::nullopt;
  const HeapFigures heap = heap_figures(e);
  const ArenaFigures* hoard = nullptr;
  for (const ArenaFigures& f : heap.arenas) {
    if (hoard == nullptr || f.free().resident > hoard->free().resident) hoard = &f;
  }
  const FreeFigures free = hoard->free();
  const Bytes all = heap.all.free().resident;
  if (!is_worth_a_line(free.resident, e) || free.resident * kHoardParts < all * kHoardLeast) {
    return std::nullopt;
  }
  // In the main arena free memory is nothing odd, unless others could use it.
  const Bytes elsewhere = live_elsewhere(e, heap, hoard->index);
  if (elsewhere == 0_B || (hoard->is_main && !is_worth_a_line(elsewhere, e))) return std::nullopt;
  const glibc::Arena& arena = e.glibc->heap.arenas[hoard->index];
  Finding finding;
  finding.bytes = free.resident;
  finding.text = fmt::format(
      "Free and resident in one of {} arenas, {}: {:.0f} % of what all have free. {} The others' "
      "threads cannot be given it; they hold {} live.",
      heap.arenas.size(), hoard->name, percent(free.resident, all),
      arena.threads.empty()
          ? std::string("No thread uses it: those that filled it have ended, and the next to start "
                        "may be given it.")
          : fmt::format("It serves {}.", listed_threads(e, arena.threads)),
      humanised(elsewhere));
  finding.action = fmt::format("malloc_trim(0) gives back {} of it.", humanised(free.releasable));
  if (!hoard->is_main && hoard->top.pinned() > 0_B) {
    finding.action += fmt::format(
        " {} lies in its top, which malloc_trim does not shrink, only a large free() of its own "
        "threads.",
        humanised(hoard->top.pinned()));
  }
  finding.action +=
      " To let all threads use it: MALLOC_ARENA_MAX=1, at the price of one lock for all; or give "
      "the work that peaks to a process of its own.";
  finding.saves = fmt::format("{}, by malloc_trim(0).", humanised(free.releasable));
  return finding;
}

}  // namespace strata
