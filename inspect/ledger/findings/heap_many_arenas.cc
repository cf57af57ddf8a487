// Many arenas: each keeps for its own threads what they freed, and 64 MiB of address space.
// Source  glibc malloc/arena.c (arena_get2: where arena_max is not set, up to 8 for each core; from
//         2.44 on one for each core, and at least 8 in all; arena_max counts the main arena).
#include <algorithm>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"
#include "inspect/ledger/findings/heap_shares.h"

namespace strata {
namespace {

// What the smallest machine may have without being told; fewer are not what to change.
constexpr std::size_t kLeastArenas = 8;
// What is advised, and so the number of arenas whose free memory is not at stake.
constexpr std::size_t kAdvised = 2;

Bytes address_space(const glibc::Arena& arena) {
  Bytes sum;
  for (const glibc::Region& region : arena.regions) sum += region.range.size();
  return sum;
}

}  // namespace

std::optional<Finding> check_heap_many_arenas(const Explanation& e) {
  if (e.glibc == nullptr) return std::nullopt;
  const std::size_t count = e.glibc->heap.arenas.size();
  if (count < kLeastArenas) return std::nullopt;
  const HeapFigures heap = heap_figures(e);
  std::vector<const ArenaFigures*> by_free;
  for (const ArenaFigures& f : heap.arenas) by_free.push_back(&f);
  std::stable_sort(by_free.begin(), by_free.end(),
                   [](const ArenaFigures* a, const ArenaFigures* b) {
                     return a->free().resident > b->free().resident;
                   });
  ArenaFigures beyond;
  for (std::size_t i = kAdvised; i < count; ++i) beyond += *by_free[i];
  const FreeFigures spread = beyond.free();
  if (!is_worth_a_line(spread.resident, e)) return std::nullopt;
  Bytes reserved;
  for (const glibc::Arena& arena : e.glibc->heap.arenas) {
    if (!arena.is_main) reserved += address_space(arena);
  }
  const auto& parameters = e.glibc->heap.parameters;
  const std::uint64_t limit = parameters ? parameters->arena_max : 0;
  Finding finding;
  finding.bytes = spread.resident;
  finding.text = fmt::format(
      "Free and resident in {} of {} arenas, beside what the {} with most keep: what was freed in "
      "one is no use to the threads of another. All arenas hold {} live, {} free and resident, "
      "and {} of address space beside the main one's. {}.",
      count - kAdvised, count, kAdvised, humanised(heap.all.live_resident),
      humanised(heap.all.free().resident), humanised(reserved),
      limit == 0 ? "No limit is set but glibc's own, which goes by the number of cores"
                 : fmt::format("The limit is set to {}", limit));
  finding.action = fmt::format(
      "Start it with MALLOC_ARENA_MAX={} (GLIBC_TUNABLES=glibc.malloc.arena_max={}): threads then "
      "share what is free, and wait for each other's locks; try 4 where that costs too much. Now: "
      "malloc_trim(0) gives back {} of it.",
      kAdvised, kAdvised, humanised(spread.releasable));
  // With an arena goes what it is made of, too.
  const Bytes overhead = saturating_sub(
      beyond.resident, beyond.live_resident + beyond.cached.resident + spread.resident);
  finding.saves = fmt::format(
      "At most {} of RSS, if the {} that are left keep as much as the {} with most do now; what "
      "malloc_trim(0) gives back is part of it, and threads that need memory at once save less. "
      "And "
      "64 MiB of address space for each arena less.",
      humanised(spread.resident + overhead), kAdvised, kAdvised);
  return finding;
}

}  // namespace strata
