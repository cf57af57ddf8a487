#include "inspect/ledger/strata_figures.h"

#include <set>
#include <string_view>

#include "inspect/heap/strata/walk.h"
#include "inspect/ledger/heap_accounts.h"

namespace strata {
namespace {

using strata_malloc::BlockState;
using strata_malloc::of_state;

ZoneFigures zone_figures(const HeapAccounts& accounts, const char* name) {
  ZoneFigures f;
  f.resident = accounts.resident({name});
  f.live_resident = accounts.resident({name, "live"});
  f.cached_resident = accounts.resident({name, "thread caches"});
  f.free_resident = accounts.resident({name, "free"});
  f.releasable = accounts.resident({name, "free", "releasable"});
  f.uncut_resident = accounts.resident({name, "never cut"});
  f.ends_resident = accounts.resident({name, "span ends"});
  f.free_units_resident = accounts.resident({name, "free units"});
  f.releasable_units = accounts.resident({name, "free units", "releasable"});
  return f;
}

void add_named(const HeapAccounts& accounts, const strata_malloc::Table& table, StrataFigures& f) {
  const auto& heaps = table.named.heaps;
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < heaps.size(); ++i) {
    const char* const name = account_of(heaps[i], i);
    if (!seen.insert(name).second) continue;
    const auto resident = [&](std::initializer_list<std::string_view> below) {
      return accounts.resident({"named heaps", name}, below);
    };
    ZoneFigures& named = f.named;
    const Bytes runs = resident({"large blocks"});
    f.named_runs_resident += runs;
    named.resident += resident({}) - runs;
    named.live_resident += resident({"live"});
    named.free_resident += resident({"free"});
    named.releasable += resident({"free", "releasable"});
    named.uncut_resident += resident({"never cut"});
    named.ends_resident += resident({"span ends"});
  }
}

}  // namespace

Bytes rounding_of_class(const strata_malloc::Table& table, std::size_t size_class) {
  const Bytes size = table.class_sizes[size_class];
  // The smallest serves requests of no bytes too.
  return size_class == 1 ? size : size - table.class_sizes[size_class - 1] - 1_B;
}

StrataFigures strata_figures(const Explanation& e) {
  const HeapAccounts accounts(e, "strata");
  const strata_malloc::Contents& contents = *e.strata_malloc;
  const strata_malloc::Tally& tally = contents.tally;
  StrataFigures f;
  f.small = zone_figures(accounts, "small blocks");
  f.medium = zone_figures(accounts, "medium blocks");
  for (std::size_t i = 0; i < contents.table.zones.size(); ++i) {
    ZoneFigures& zone = contents.table.zones[i].is_small ? f.small : f.medium;
    zone.units = contents.units[i];
    zone.free_units = tally.free_units[i];
    zone.clean_units = tally.clean_units[i];
  }
  const auto blocks = tally.blocks();
  f.live = of_state(blocks, BlockState::kLive);
  f.cached = of_state(blocks, BlockState::kCached);
  f.free = of_state(blocks, BlockState::kFree);
  f.runs = tally.live_runs;
  f.runs += tally.moved_runs;
  add_named(accounts, contents.table, f);
  f.runs_resident = accounts.resident({"runs of pages", "live"}) + f.named_runs_resident;
  f.free_runs = tally.free_runs.bytes;
  f.free_runs_resident = accounts.resident({"runs of pages", "free"});
  f.metadata_resident = accounts.resident({"metadata"});
  f.states = accounts.resident({"metadata", "states"});
  f.spans = accounts.resident({"metadata", "spans"});
  f.entries = accounts.resident({"metadata", "entries of pages"});
  f.dirty = accounts.resident({"metadata", "dirty pages"});
  f.arenas = accounts.resident({"metadata", "arenas and cache slots"});
  f.units = accounts.resident({"metadata", "free units' numbers"});
  f.mapped = accounts.virtual_size({});
  f.never_used_resident = accounts.resident({"never used"});
  f.resident = accounts.resident({});
  f.not_walked = tally.lost;
  for (std::size_t c = 1; c < tally.classes.size(); ++c) {
    const auto& live = of_state(tally.classes[c].states, BlockState::kLive);
    f.rounding_at_most += rounding_of_class(contents.table, c) * live.blocks;
  }
  // A run's length is one of eight to a doubling, and one at hand is up to an eighth longer.
  f.rounding_at_most += contents.table.runs.page * f.runs.blocks + Bytes{f.runs.bytes.value / 4};
  f.releasable = f.small.releasable + f.medium.releasable + f.named.releasable +
                 f.small.releasable_units + f.medium.releasable_units +
                 accounts.resident({"runs of pages", "free", "releasable"});
  return f;
}

}  // namespace strata
