// inspect/ledger/findings/made_strata.h - for tests: a heap of the Strata malloc's made by hand.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "inspect/heap/strata/heap_scan.h"
#include "inspect/ledger/findings/made.h"

namespace strata {

/// Of small blocks, all of it resident.
struct MadeStrata {
  // Initializers, or a test that names some members is warned of the others.
  // NOLINTBEGIN(readability-redundant-member-init)
  Bytes live{};
  Bytes cached{};
  Bytes pinned{};      ///< free, on pages that others share
  Bytes releasable{};  ///< free, whole pages
  Bytes dirty_units{}, clean_units{};
  Bytes dirty_runs{};
  // NOLINTEND(readability-redundant-member-init)
};

/// Adds it to `e`: accounts as its walk would have booked them. Its classes are of 16, 48 and 640
/// bytes, and all blocks are of 48.
inline strata_malloc::Contents& add_strata(MadeExplanation& e, const MadeStrata& made) {
  using strata_malloc::BlockState;
  const auto book = [&](std::vector<std::string> below, Bytes resident) {
    std::vector<std::string> account{"heap", "strata"};
    account.insert(account.end(), below.begin(), below.end());
    if (resident > 0_B) e.add({.account = std::move(account), .resident = resident});
  };
  book({"small blocks", "live"}, made.live);
  book({"small blocks", "thread caches"}, made.cached);
  book({"small blocks", "free", "pinned"}, made.pinned);
  book({"small blocks", "free", "releasable"}, made.releasable);
  book({"small blocks", "free units", "releasable"}, made.dirty_units);
  book({"small blocks", "free units", "given back"}, made.clean_units);
  book({"runs of pages", "free", "releasable"}, made.dirty_runs);
  strata_malloc::Table table;
  table.class_sizes = {0_B, 16_B, 48_B, 640_B};
  table.zones[0].is_small = true;
  auto contents = std::make_shared<strata_malloc::Contents>(std::move(table));
  contents->tally.classes.resize(4);
  strata_malloc::ClassTally& tally = contents->tally.classes[2];
  const auto count = [&](BlockState state, Bytes bytes) {
    tally.states[static_cast<std::size_t>(state)] = {bytes.value / 48, bytes};
  };
  count(BlockState::kLive, made.live);
  count(BlockState::kCached, made.cached);
  count(BlockState::kFree, made.pinned + made.releasable);
  tally.pinned = made.pinned;
  tally.span_bytes = made.live + made.cached + made.pinned + made.releasable;
  e->strata_malloc = contents;
  return *contents;
}

/// Adds a named heap to it, of blocks of 48 bytes too.
inline void add_named_heap(MadeExplanation& e, strata_malloc::Contents& contents, std::string name,
                           const MadeStrata& made) {
  const auto book = [&](std::vector<std::string> below, Bytes resident) {
    std::vector<std::string> account{"heap", "strata", "named heaps", name};
    account.insert(account.end(), below.begin(), below.end());
    if (resident > 0_B) e.add({.account = std::move(account), .resident = resident});
  };
  book({"live"}, made.live);
  book({"free", "pinned"}, made.pinned);
  book({"free", "releasable"}, made.releasable);
  strata_malloc::ClassTally& tally = contents.tally.classes[2];
  tally.pinned += made.pinned;
  tally.span_bytes += made.live + made.pinned + made.releasable;
  strata_malloc::NamedHeap heap;
  heap.name = std::move(name);
  contents.table.named.heaps.push_back(std::move(heap));
}

}  // namespace strata
