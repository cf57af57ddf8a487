// What the program freed and glibc keeps resident, and what malloc_trim(0) would make of it.
// Source  glibc malloc/malloc.c (mtrim: since 2.8 it gives whole pages back in every arena).
#include <fmt/format.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"
#include "inspect/ledger/findings/heap_shares.h"

namespace strata {
namespace {

// Any heap at work has some memory free, to be used next; a tenth of it is no finding.
constexpr std::uint64_t kLeastShare = 10;
// malloc_trim() is worth a call for a twentieth of what is free.
constexpr std::uint64_t kLeastReleased = 20;
constexpr std::size_t kMostNamed = 3;

/// Locked pages are refused to MADV_DONTNEED; the main arena's top goes back by brk all the same.
bool is_locked(const Explanation& e) {
  bool locked = false;
  for_each_usage(e, [&](const MappingUsage& u, const Mapping&, const MappingEntry& entry) {
    locked |= u.traits.locked &&
              account_name(e.ledger.chart(), entry.purpose).starts_with("heap / glibc");
  });
  return locked;
}

}  // namespace

std::optional<Finding> check_heap_free_but_resident(const Explanation& e) {
  if (e.glibc == nullptr) return std::nullopt;
  const HeapFigures heap = heap_figures(e);
  const FreeFigures free = heap.all.free();
  if (!is_worth_a_line(free.resident, e) || free.resident * kLeastShare < heap.all.resident) {
    return std::nullopt;
  }
  const Bytes shared_pages = heap.all.binned.pinned() + heap.all.fast.pinned();
  const Bytes tops = heap.all.top.pinned();
  Finding finding;
  finding.bytes = free.resident;
  finding.text = fmt::format(
      "Freed by the program and kept by glibc, {:.0f} % of what its arenas hold: {}. "
      "malloc_trim(0) would give back {} of it, in whole pages; not {} on pages shared with other "
      "blocks, nor {} in the arenas' tops.",
      percent(free.resident, heap.all.resident),
      listed_arenas(
          heap, [](const ArenaFigures& f) { return f.free().resident; }, kMostNamed),
      humanised(free.releasable), humanised(shared_pages), humanised(tops));
  std::vector<std::string> actions;
  std::vector<std::string> saves;
  if (shared_pages > free.releasable) {
    actions.emplace_back(
        "Blocks that live long lie between those that come and go: allocate them from a pool of "
        "their own, or before the load begins.");
    saves.push_back(fmt::format("At most {} on pages that they share.", humanised(shared_pages)));
  }
  if (tops > free.releasable) {
    actions.emplace_back(
        "The tops of threads' arenas go back only when their threads free much at once; with fewer "
        "arenas (MALLOC_ARENA_MAX) there are fewer tops.");
    saves.push_back(fmt::format("At most {} in tops.", humanised(tops)));
  }
  // Where most of it stays, whatever is called, that is what is said first.
  if (free.releasable * kLeastReleased >= free.resident) {
    const bool locked = is_locked(e);
    actions.push_back(fmt::format(
        "{}all malloc_trim(0) when a load is over, not on every request: it holds each arena's "
        "lock while it gives its pages back, and what is used again costs a fault a page.",
        locked ? "Unlock the heap first (it is under mlock), then c" : "C"));
    if (e.identity.kind == TargetKind::kProcess && !locked) {
      actions.push_back(
          fmt::format("Now, with a debugger, which stops it meanwhile: gdb -p {} -batch -ex 'call "
                      "(int)malloc_trim(0)'.",
                      e.identity.pid));
    }
    saves.push_back(fmt::format("{}, by malloc_trim(0).", humanised(free.releasable)));
  }
  finding.action = fmt::format("{}", fmt::join(actions, " "));
  finding.saves = fmt::format("{}", fmt::join(saves, " "));
  return finding;
}

}  // namespace strata
