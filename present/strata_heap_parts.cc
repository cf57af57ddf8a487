#include "present/strata_heap_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "present/numerals.h"

namespace strata {
namespace {

using strata_malloc::BlockState;
using strata_malloc::ClassTally;
using strata_malloc::Damage;
using strata_malloc::NamedHeap;

constexpr std::size_t kUnfinishedShown = 3;

std::vector<Record> records_of(const std::vector<Damage>& all) {
  std::vector<Record> records;
  for (const Damage& damage : all) {
    const bool is_about_block = damage.block.value != 0;
    Record record;
    record.fields = {{"address", damage.at},
                     {"what", damage.what},
                     {"cause", damage.cause},
                     {"block", is_about_block ? Cell{damage.block} : Cell{}}};
    record.lines = {fmt::format("at {:#x}: {}", damage.at.value, damage.what),
                    "what usually does that: " + damage.cause};
    records.push_back(std::move(record));
  }
  return records;
}

/// Of a program at work there can be a hundred, and no one is of interest.
std::vector<Record> unfinished_of(const std::vector<Damage>& all) {
  std::vector<Record> records = records_of(all);
  for (std::size_t i = kUnfinishedShown; i < records.size(); ++i) records[i].lines.clear();
  if (records.size() > kUnfinishedShown) {
    records[kUnfinishedShown].lines = {
        fmt::format("and {} more", records.size() - kUnfinishedShown)};
  }
  return records;
}

/// The spans of a class that one named heap has, or all arenas of threads.
struct Bin {
  std::size_t size_class = 0;
  const NamedHeap* heap = nullptr;
  ClassTally tally;
};

std::vector<Bin> bins_of(const strata_malloc::Contents& contents) {
  const strata_malloc::Tally& tally = contents.tally;
  std::vector<ClassTally> of_arenas = tally.classes;
  std::vector<Bin> bins;
  for (const auto& [key, own] : tally.heap_classes) {
    const auto& [heap, size_class] = key;
    of_arenas[size_class] -= own;
    bins.push_back({size_class, &contents.table.named.heaps[heap], own});
  }
  for (std::size_t c = 1; c < of_arenas.size(); ++c) {
    if (of_arenas[c].spans > 0) bins.push_back({c, nullptr, of_arenas[c]});
  }
  std::stable_sort(bins.begin(), bins.end(), [](const Bin& a, const Bin& b) {
    return std::pair(b.tally.pinned, a.size_class) < std::pair(a.tally.pinned, b.size_class);
  });
  return bins;
}

}  // namespace

Block strata_bins_block(const strata_malloc::Contents& contents) {
  const std::vector<Bin> bins = bins_of(contents);
  const bool has_heaps = !contents.tally.heap_classes.empty();
  Table table;
  table.columns = {{"pinned_bytes", "PINNED"},
                   {"live_percent", "LIVE"},
                   {"live_blocks", "BLOCKS", Column::kSpare},
                   {"free_blocks", "FREE", Column::kSpare},
                   {"cached_blocks", "CACHED", Column::kSpare},
                   {"uncut_blocks", ""},
                   {"spans", "SPANS"},
                   {"spans_empty", "EMPTY"},
                   {"spans_below_quarter", "<25 %"},
                   {"spans_below_half", "<50 %"},
                   {"spans_below_three_quarters", "<75 %"},
                   {"spans_below_all", "<100 %"},
                   {"spans_full", "FULL"},
                   {"block_bytes", "BLOCK"},
                   {"heap", has_heaps ? "HEAP" : ""}};
  for (const Bin& bin : bins) {
    const ClassTally& tally = bin.tally;
    const auto blocks = [&](BlockState state) { return of_state(tally.states, state).blocks; };
    const Bytes live = of_state(tally.states, BlockState::kLive).bytes;
    Table::Row row;
    row.cells = {tally.pinned,
                 Percent{100 * static_cast<double>(live.value) /
                         static_cast<double>(tally.span_bytes.value)},
                 blocks(BlockState::kLive),
                 blocks(BlockState::kFree),
                 blocks(BlockState::kCached),
                 blocks(BlockState::kUncut),
                 tally.spans};
    for (const std::uint64_t spans : tally.fills) row.cells.push_back(spans);
    row.cells.push_back(contents.table.class_sizes[bin.size_class]);
    row.cells.push_back(bin.heap == nullptr ? Cell{} : Cell{bin.heap->name});
    table.rows.push_back(std::move(row));
  }
  return {"bins", "How full spans are, by class", std::move(table),
          fmt::format("sorted by pinned bytes: free, on pages that live or cached blocks share; "
                      "LIVE is how much of the spans is live, EMPTY to FULL are spans by how many "
                      "of their blocks are; of all arenas{}",
                      has_heaps ? ", and of each named heap" : "")};
}

std::vector<Block> strata_damage_blocks(const strata_malloc::DamageBook& book) {
  std::vector<Record> damage = records_of(book.found());
  if (book.count() > damage.size()) {
    damage.back().lines.push_back(
        fmt::format("and {} more like these", grouped(book.count() - damage.size())));
  }
  return {
      {"damage", book.found().empty() ? "" : "Damage", std::move(damage), ""},
      {"unfinished", book.unfinished().empty() ? "" : "In the middle of an operation, no damage",
       unfinished_of(book.unfinished()), ""}};
}

}  // namespace strata
