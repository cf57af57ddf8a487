#include "present/strata_heap_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/printable.h"
#include "inspect/ledger/strata_figures.h"
#include "present/arena_blocks.h"
#include "present/notes_block.h"
#include "present/numerals.h"
#include "present/strata_heap_parts.h"
#include "present/text.h"

namespace strata {
namespace {

using strata_malloc::ArenaTally;
using strata_malloc::BlockState;
using strata_malloc::ByState;
using strata_malloc::Count;
using strata_malloc::HeapTally;
using strata_malloc::NamedHeap;
using strata_malloc::of_state;

constexpr std::size_t kClassesShown = 10;
constexpr std::size_t kArenasShown = 8;
constexpr std::size_t kHeapsShown = 8;

std::string runs_text(std::uint64_t n) { return grouped(n) + (n == 1 ? " run" : " runs"); }

class StrataHeap {
 public:
  StrataHeap(const Explanation& e, const StrataHeapView& how)
      : e_(e), how_(how), contents_(*e.strata_malloc), f_(strata_figures(e)) {}

  Document build() {
    Document d;
    d.blocks.push_back({"", "", head(), ""});
    d.blocks.push_back({"target", "", target(), ""});
    d.blocks.push_back({"totals", "What is free", totals(), ""});
    d.blocks.push_back({"classes", "By size class", classes(), class_footnote_});
    if (how_.bins == StrataHeapView::Bins::kShow) {
      d.blocks.push_back(strata_bins_block(contents_));
    }
    d.blocks.push_back({"arenas", "By arena", arenas(), arena_footnote_});
    const bool has_heaps = !contents_.table.named.heaps.empty();
    d.blocks.push_back(
        {"heaps", has_heaps ? "By named heap" : "", named_heaps(has_heaps), heap_footnote_});
    d.blocks.push_back({"runs", "Runs of pages", runs(), ""});
    d.blocks.push_back({"spans", "Spans", spans(), ""});
    d.blocks.push_back({"metadata", "Metadata", metadata(), ""});
    for (Block& block : strata_damage_blocks(contents_.damage)) {
      d.blocks.push_back(std::move(block));
    }
    d.blocks.push_back(notes_block(e_.notes));
    return d;
  }

 private:
  bool is_core() const { return e_.identity.kind == TargetKind::kCore; }
  const char* resident_word() const { return is_core() ? "in the file" : "resident"; }

  Record head() const {
    Record record;
    record.fields = {{"schema", std::string("strata.heap-spans/1")}};
    record.lines = {
        fmt::format("{} ({}): the Strata malloc has {} {}; {} are live in {} blocks and {}",
                    printable(e_.identity.name), e_.identity.pid, humanised(f_.resident),
                    resident_word(), humanised(f_.live.bytes + f_.runs.bytes),
                    grouped(f_.live.blocks), runs_text(f_.runs.blocks)),
        fmt::format("up to {} of that was added by rounding; {} {} say what is where",
                    humanised(f_.rounding_at_most), humanised(f_.metadata_resident),
                    resident_word())};
    return record;
  }

  Record target() const {
    return {{{"kind", std::string(is_core() ? "core" : "process")},
             {"pid", static_cast<std::uint64_t>(e_.identity.pid)},
             {"name", e_.identity.name},
             {"frozen", e_.moment.frozen},
             {"stood_ms", Milliseconds{static_cast<double>(e_.moment.stood.count()) / 1000}}},
            {}};
  }

  Record totals() const {
    const Bytes in_spans =
        f_.small.free_resident + f_.medium.free_resident + f_.named.free_resident;
    const Bytes pinned =
        in_spans - f_.small.releasable - f_.medium.releasable - f_.named.releasable;
    const Bytes cached = f_.small.cached_resident + f_.medium.cached_resident;
    const Bytes uncut =
        f_.small.uncut_resident + f_.medium.uncut_resident + f_.named.uncut_resident;
    Record record;
    record.fields = {{"resident_bytes", f_.resident},
                     {"mapped_bytes", f_.mapped},
                     {"never_used_resident_bytes", f_.never_used_resident},
                     {"live_bytes", f_.live.bytes + f_.runs.bytes},
                     {"live_blocks", f_.live.blocks + f_.runs.blocks},
                     {"rounding_at_most_bytes", f_.rounding_at_most},
                     {"cached_bytes", f_.cached.bytes},
                     {"cached_blocks", f_.cached.blocks},
                     {"cached_resident_bytes", cached},
                     {"free_bytes", f_.free.bytes},
                     {"free_blocks", f_.free.blocks},
                     {"free_resident_bytes", in_spans},
                     {"pinned_bytes", pinned},
                     {"releasable_bytes", f_.releasable},
                     {"uncut_resident_bytes", uncut},
                     {"not_walked_bytes", f_.not_walked},
                     {"odd_states", contents_.tally.odd},
                     {"miscounted_spans", contents_.tally.miscounted}};
    record.form = Record::Form::kLevel;
    record.lines = {
        fmt::format("  {:>10}  releasable: whole pages that malloc_trim(0) would give back",
                    humanised(f_.releasable)),
        fmt::format("  {:>10}  pinned: free blocks on pages that live or cached ones share",
                    humanised(pinned)),
        fmt::format("  {:>10}  in threads' caches: {} blocks, given back when their thread ends",
                    humanised(cached), grouped(f_.cached.blocks)),
        fmt::format("  {:>10}  in spans and never cut into blocks", humanised(uncut))};
    return record;
  }

  Table classes() {
    Table table;
    table.columns = {{"live_bytes", "LIVE"},
                     {"live_blocks", "BLOCKS"},
                     {"free_blocks", "FREE"},
                     {"cached_blocks", "CACHED"},
                     {"uncut_blocks", "NEVER CUT", Column::kSpare},
                     {"spans", "SPANS"},
                     {"span_bytes", "", Column::kSpare},
                     {"rounding_at_most_bytes", "ROUNDING", Column::kSpare,
                      "ROUNDING is how much of LIVE was not asked for, at most"},
                     {"block_bytes", "BLOCK"}};
    std::vector<std::size_t> order;
    const auto& all = contents_.tally.classes;
    for (std::size_t c = 1; c < all.size(); ++c) {
      if (all[c].spans > 0) order.push_back(c);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return of_state(all[a].states, BlockState::kLive).bytes >
             of_state(all[b].states, BlockState::kLive).bytes;
    });
    std::size_t shown = 0;
    for (const std::size_t c : order) {
      const bool show = how_.sizes == StrataHeapView::Sizes::kAll || shown < kClassesShown;
      shown += show;
      const ByState& states = all[c].states;
      const Count& live = of_state(states, BlockState::kLive);
      Table::Row row;
      row.cells = {live.bytes,
                   live.blocks,
                   of_state(states, BlockState::kFree).blocks,
                   of_state(states, BlockState::kCached).blocks,
                   of_state(states, BlockState::kUncut).blocks,
                   all[c].spans,
                   all[c].span_bytes,
                   rounding_of_class(contents_.table, c) * live.blocks,
                   contents_.table.class_sizes[c]};
      row.shown = show;
      table.rows.push_back(std::move(row));
    }
    class_footnote_ = "sorted by live bytes; BLOCK is what a block has room for";
    if (shown < order.size()) {
      class_footnote_ +=
          fmt::format("; {} of {} classes, --sizes shows every one", shown, order.size());
    }
    return table;
  }

  Table arenas() {
    Table table;
    table.columns = {{"live_bytes", "LIVE"},
                     {"live_blocks", "BLOCKS"},
                     {"free_bytes", "FREE"},
                     {"cached_bytes", "CACHED"},
                     {"uncut_bytes", "NEVER CUT", Column::kSpare},
                     {"spans", "SPANS"},
                     {"span_bytes", "", Column::kSpare},
                     {"address", "", Column::kSpare},
                     {"thread", ""},
                     {"idle", ""},
                     {"index", "ARENA"},
                     {"", "THREAD"}};
    struct Row {
      std::uint64_t index;
      Address address;
      const ArenaTally* tally;
    };
    std::vector<Row> rows;
    std::map<Address, std::uint64_t> indices;
    for (const Address arena : contents_.table.arenas) indices.emplace(arena, indices.size());
    for (const auto& [address, tally] : contents_.tally.arenas) {
      const std::uint64_t index = indices.emplace(address, indices.size()).first->second;
      if (!how_.arena || *how_.arena == index) rows.push_back({index, address, &tally});
    }
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      const Bytes ours = of_state(a.tally->states, BlockState::kLive).bytes;
      const Bytes theirs = of_state(b.tally->states, BlockState::kLive).bytes;
      return ours != theirs ? ours > theirs : a.index < b.index;
    });
    for (const Row& row : rows) {
      const ByState& states = row.tally->states;
      Table::Row cells;
      cells.cells = {of_state(states, BlockState::kLive).bytes,
                     of_state(states, BlockState::kLive).blocks,
                     of_state(states, BlockState::kFree).bytes,
                     of_state(states, BlockState::kCached).bytes,
                     of_state(states, BlockState::kUncut).bytes,
                     row.tally->spans,
                     row.tally->span_bytes,
                     row.address,
                     thread_of(row.index),
                     idle_of(row.index),
                     row.index,
                     owner_of(row.index)};
      cells.shown = table.rows.size() < kArenasShown || how_.arena.has_value();
      table.rows.push_back(std::move(cells));
    }
    arena_footnote_ = "sorted by live bytes; runs of pages belong to none";
    if (table.rows.size() > kArenasShown) {
      arena_footnote_ += fmt::format("; {} of {} arenas, --arena N shows one, --json all",
                                     kArenasShown, table.rows.size());
    }
    return table;
  }

  Table named_heaps(bool has_any) {
    Table table;
    // Without rows it is an empty list in JSON, and nothing in text.
    const auto heading = [&](const char* text) { return std::string(has_any ? text : ""); };
    table.columns = {{"live_bytes", heading("LIVE")},
                     {"live_blocks", heading("BLOCKS")},
                     {"free_bytes", heading("FREE")},
                     {"held_bytes", heading("HELD")},
                     {"limit_bytes", heading("LIMIT"), Column::kSpare},
                     {"peak_bytes", heading("PEAK"), Column::kSpare},
                     {"refused", heading("REFUSED"), Column::kSpare,
                      "REFUSED counts calls that met the limit, or no memory"},
                     {"uncut_bytes", ""},
                     {"spans", ""},
                     {"span_bytes", ""},
                     {"runs", ""},
                     {"run_bytes", ""},
                     {"address", ""},
                     {"name", heading("HEAP")}};
    const std::vector<NamedHeap>& heaps = contents_.table.named.heaps;
    const std::vector<HeapTally>& tallies = contents_.tally.heaps;
    std::vector<std::size_t> order(std::min(heaps.size(), tallies.size()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return tallies[a].live().bytes > tallies[b].live().bytes;
    });
    for (const std::size_t i : order) {
      const NamedHeap& heap = heaps[i];
      const HeapTally& tally = tallies[i];
      Table::Row row;
      row.cells = {tally.live().bytes,
                   tally.live().blocks,
                   of_state(tally.states, BlockState::kFree).bytes,
                   tally.span_bytes + tally.runs.bytes,
                   heap.limit == ~std::uint64_t{0} ? Cell{} : Cell{Bytes{heap.limit}},
                   heap.peak,
                   heap.refused,
                   of_state(tally.states, BlockState::kUncut).bytes,
                   tally.spans,
                   tally.span_bytes,
                   tally.runs.blocks,
                   tally.runs.bytes,
                   heap.at,
                   heap.name};
      row.shown = table.rows.size() < kHeapsShown;
      table.rows.push_back(std::move(row));
    }
    if (has_any) heap_footnote_ = "sorted by live bytes; HELD is what its spans and runs take";
    if (table.rows.size() > kHeapsShown) {
      heap_footnote_ +=
          fmt::format("; {} of {} heaps, --json shows all", kHeapsShown, table.rows.size());
    }
    return table;
  }

  /// Of an older library nothing is known of it.
  const strata_malloc::ArenaUse* use_of(std::uint64_t arena) const {
    const auto& uses = contents_.table.uses;
    return arena < uses.size() ? &uses[arena] : nullptr;
  }
  Cell thread_of(std::uint64_t arena) const {
    const auto* const use = use_of(arena);
    if (use == nullptr || use->is_idle || use->thread == 0) return {};
    return static_cast<std::uint64_t>(use->thread);
  }
  Cell idle_of(std::uint64_t arena) const {
    const auto* const use = use_of(arena);
    return use == nullptr ? Cell{} : Cell{use->is_idle};
  }
  Cell owner_of(std::uint64_t arena) const {
    const auto* const use = use_of(arena);
    if (use == nullptr) return {};
    if (use->is_idle) return std::string("ended");
    const Cell name = name_of_thread(e_, use->thread);
    const auto* const text = std::get_if<std::string>(&name);
    return text == nullptr ? std::to_string(use->thread)
                           : fmt::format("{} ({})", *text, use->thread);
  }

  Record runs() const {
    const strata_malloc::Tally& tally = contents_.tally;
    Record record;
    record.form = Record::Form::kLevel;
    record.fields = {{"live_runs", f_.runs.blocks},
                     {"live_bytes", f_.runs.bytes},
                     {"live_resident_bytes", f_.runs_resident},
                     {"moved_runs", tally.moved_runs.blocks},
                     {"free_runs", tally.free_runs.blocks},
                     {"free_bytes", tally.free_runs.bytes},
                     {"free_resident_bytes", f_.free_runs_resident},
                     {"dirty_bytes", tally.dirty}};
    record.lines = {
        fmt::format("  {:>10}  live: {}, {} {}", humanised(f_.runs.bytes),
                    runs_text(f_.runs.blocks), humanised(f_.runs_resident), resident_word()),
        fmt::format("  {:>10}  free: {}, {} with their memory still there", humanised(f_.free_runs),
                    runs_text(tally.free_runs.blocks), humanised(tally.dirty))};
    return record;
  }

  Record spans() const {
    Record record;
    record.form = Record::Form::kLevel;
    for (const bool is_small : {true, false}) {
      const ZoneFigures& zone = is_small ? f_.small : f_.medium;
      const std::string name = is_small ? "small" : "medium";
      record.fields.push_back({name + "_units", zone.units});
      record.fields.push_back({name + "_free_units", zone.free_units});
      record.fields.push_back({name + "_given_back_units", zone.clean_units});
      record.fields.push_back({name + "_resident_bytes", zone.resident});
      record.fields.push_back({name + "_live_resident_bytes", zone.live_resident});
      record.fields.push_back({name + "_free_unit_resident_bytes", zone.free_units_resident});
      record.fields.push_back({name + "_end_resident_bytes", zone.ends_resident});
      record.lines.push_back(
          fmt::format("  {:>10}  of {} blocks: {} units, {} of no span, which have {} {}",
                      humanised(zone.resident), name, grouped(zone.units), grouped(zone.free_units),
                      humanised(zone.free_units_resident), resident_word()));
    }
    record.fields.push_back({"named_heap_resident_bytes", f_.named.resident});
    if (!contents_.table.named.heaps.empty()) {
      record.lines.push_back(fmt::format("  {:>10}  of named heaps, in neither of these",
                                         humanised(f_.named.resident)));
    }
    return record;
  }

  Record metadata() const {
    Record record;
    record.form = Record::Form::kLevel;
    record.fields = {{"resident_bytes", f_.metadata_resident},
                     {"state_bytes", f_.states},
                     {"span_bytes", f_.spans},
                     {"entry_bytes", f_.entries},
                     {"dirty_page_bytes", f_.dirty},
                     {"arena_bytes", f_.arenas},
                     {"free_unit_bytes", f_.units}};
    record.lines = {fmt::format("  {:>10}  states of blocks, {} spans, {} entries of pages",
                                humanised(f_.states), humanised(f_.spans), humanised(f_.entries)),
                    fmt::format("  {:>10}  arenas and caches' slots, {} bitmaps",
                                humanised(f_.arenas), humanised(f_.dirty + f_.units))};
    return record;
  }

  const Explanation& e_;
  const StrataHeapView& how_;
  const strata_malloc::Contents& contents_;
  StrataFigures f_;
  std::string class_footnote_, arena_footnote_, heap_footnote_;
};

}  // namespace

Document view(const Explanation& explanation, const StrataHeapView& how) {
  return StrataHeap(explanation, how).build();
}

}  // namespace strata
