#include "present/heap_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "inspect/ledger/heap_figures.h"
#include "present/notes_block.h"
#include "present/text.h"

namespace strata {
namespace {

using glibc::ChunkState;

constexpr std::size_t kSizesShown = 8;
constexpr std::size_t kHolesShown = 5;

std::uint64_t count(const glibc::ByState& states, ChunkState state) {
  return states[static_cast<std::size_t>(state)];
}

std::string grouped(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

/// What a chunk of this size can have been asked for.
std::string requests(Bytes size) {
  const std::uint64_t most = size.value - 8;
  return fmt::format("{} to {}", size.value <= 32 ? 0 : most - 15, most);
}

class Heap {
 public:
  Heap(const Explanation& e, const HeapView& how)
      : e_(e), how_(how), contents_(*e.glibc), figures_(heap_figures(e)) {}

  Document build() {
    Document d;
    d.blocks.push_back({"", "", head(), ""});
    d.blocks.push_back({"target", "", target(), ""});
    d.blocks.push_back({"", "Arenas", arena_table(), arena_footnote()});
    d.blocks.push_back({"arenas", "", arena_records(), ""});
    d.blocks.push_back({"totals", "What is free", totals(), ""});
    d.blocks.push_back({"sizes", "By size", size_table(), size_footnote_});
    if (how_.bins == HeapView::Bins::kShow) {
      d.blocks.push_back({"", "Bins", bin_table(), "what is free and sorted, by the bin it is in"});
    }
    std::vector<Record> widest = holes();
    const char* const heading = widest.empty() ? "" : "Widest free runs, and what they lie between";
    d.blocks.push_back({"holes", heading, std::move(widest), ""});
    d.blocks.push_back({"mmapped", "", mmapped(), ""});
    d.blocks.push_back({"tcache", "", caches(), ""});
    d.blocks.push_back({"tunables", "In force", tunables(), ""});
    const glibc::Heap& heap = contents_.heap;
    d.blocks.push_back(
        {"damage", heap.damage.empty() ? "" : "Damage", damage_records(heap.damage), ""});
    d.blocks.push_back({"unfinished",
                        heap.unfinished.empty() ? "" : "In the middle of an operation, no damage",
                        damage_records(heap.unfinished), ""});
    d.blocks.push_back(notes_block(e_.notes));
    return d;
  }

 private:
  bool is_core() const { return e_.identity.kind == TargetKind::kCore; }
  bool is_shown(const ArenaFigures& f) const { return !how_.arena || *how_.arena == f.index; }

  Record head() const {
    const ArenaFigures& all = figures_.all;
    Record record;
    record.fields = {{"schema", std::string("strata.heap/1")}};
    record.lines = {
        fmt::format("{} ({}): glibc's malloc has {} from the system, {} of it live in {} chunks",
                    printable(e_.identity.name), e_.identity.pid,
                    humanised(all.system + figures_.mmapped_bytes),
                    humanised(all.live_bytes + figures_.mmapped_bytes),
                    grouped(all.live_chunks + figures_.mmapped_chunks)),
        fmt::format("{} of that are headers, and up to {} was added by rounding",
                    humanised(header_bytes()), humanised(all.rounding_at_most))};
    return record;
  }

  /// 8 bytes a chunk, as the next one's first word is its own; 16 where it has a mapping.
  Bytes header_bytes() const {
    return 8_B * figures_.all.live_chunks + 16_B * figures_.mmapped_chunks;
  }

  Record target() const {
    return {{{"kind", std::string(is_core() ? "core" : "process")},
             {"pid", static_cast<std::uint64_t>(e_.identity.pid)},
             {"name", e_.identity.name},
             {"frozen", e_.moment.frozen},
             {"stood_ms", Milliseconds{static_cast<double>(e_.moment.stood.count()) / 1000}}},
            {}};
  }

  Table arena_table() const {
    Table table;
    table.columns = {
        {"", is_core() ? "IN FILE" : "RESIDENT"},
        {"", "LIVE"},
        {"", "CHUNKS"},
        {"", "FREE"},
        {"", "CACHED", Column::kSpare, "CACHED is free, in threads' caches"},
        {"", "TOP", Column::kSpare},
        {"", "RELEASABLE", Column::kNeeded, "RELEASABLE is what malloc_trim(0) would give back"},
        {"", "PINNED", Column::kSpare,
         "PINNED is free and resident, and stays: on pages with live chunks, or in a top "
         "that is not trimmed"},
        {"", "THREADS", Column::kSpare},
        {"", "ARENA"}};
    const auto row = [&](const ArenaFigures& f, std::uint64_t threads, const std::string& name) {
      const FreeFigures free = f.free();
      table.rows.push_back(
          {{f.resident, f.live_bytes, f.live_chunks, f.fast.bytes + f.binned.bytes, f.cached.bytes,
            f.top.bytes, free.releasable, free.pinned(), threads, name}});
    };
    std::vector<const ArenaFigures*> arenas;
    for (const ArenaFigures& f : figures_.arenas) {
      if (is_shown(f)) arenas.push_back(&f);
    }
    std::stable_sort(arenas.begin(), arenas.end(),
                     [](const auto* a, const auto* b) { return a->resident > b->resident; });
    for (const ArenaFigures* const f : arenas) {
      row(*f, contents_.heap.arenas[f->index].attached, f->name);
    }
    if (figures_.mmapped_chunks > 0 && !how_.arena) {
      table.rows.push_back({{figures_.mmapped_resident, figures_.mmapped_bytes,
                             figures_.mmapped_chunks, Cell{}, Cell{}, Cell{}, Cell{}, Cell{},
                             Cell{}, std::string("chunks with a mapping of their own")}});
    }
    return table;
  }

  std::string arena_footnote() const {
    return fmt::format(
        "sorted by {}; sizes are of chunks, headers included: 8 bytes for each that is live",
        is_core() ? "bytes in the file" : "resident bytes");
  }

  static void add_fields(std::vector<Field>& fields, const ArenaFigures& f) {
    const FreeFigures free = f.free();
    const std::vector<Field> more = {{"system_bytes", f.system},
                                     {"reserved_bytes", f.reserved},
                                     {"resident_bytes", f.resident},
                                     {"live_bytes", f.live_bytes},
                                     {"live_chunks", f.live_chunks},
                                     {"live_resident_bytes", f.live_resident},
                                     {"header_bytes", 8_B * f.live_chunks},
                                     {"free_bytes", free.bytes},
                                     {"free_chunks", f.binned.chunks + f.top.chunks},
                                     {"free_resident_bytes", free.resident},
                                     {"releasable_bytes", free.releasable},
                                     {"pinned_bytes", free.pinned()},
                                     {"cached_bytes", f.cached.bytes},
                                     {"cached_chunks", f.cached.chunks},
                                     {"fast_bytes", f.fast.bytes},
                                     {"fast_chunks", f.fast.chunks},
                                     {"top_bytes", f.top.bytes},
                                     {"top_resident_bytes", f.top.resident},
                                     {"structure_bytes", f.structures},
                                     {"not_walked_bytes", f.lost}};
    fields.insert(fields.end(), more.begin(), more.end());
  }

  std::vector<Record> arena_records() const {
    std::vector<Record> records;
    for (const ArenaFigures& f : figures_.arenas) {
      if (!is_shown(f)) continue;
      const glibc::Arena& arena = contents_.heap.arenas[f.index];
      Record record;
      record.fields = {
          {"index", std::uint64_t{f.index}},
          {"name", f.name},
          {"main", f.is_main},
          {"address", arena.state},
          {"top", arena.top},
          {"last_remainder", arena.last_remainder.value == 0 ? Cell{} : Cell{arena.last_remainder}},
          {"attached_threads", arena.attached},
          {"locked", arena.is_locked},
          {"contiguous", arena.is_contiguous}};
      add_fields(record.fields, f);
      std::vector<Record> regions;
      for (const glibc::Region& region : arena.regions) {
        regions.push_back({{{"start", region.range.start},
                            {"chunks_start", region.chunks.start},
                            {"chunks_end", region.chunks.end},
                            {"end", region.range.end},
                            {"evidence", region.evidence}},
                           {}});
      }
      record.inner.push_back({"regions", "", std::move(regions), ""});
      record.inner.push_back({"bins", "", bin_records(f.index), ""});
      records.push_back(std::move(record));
    }
    return records;
  }

  std::vector<Record> bin_records(std::size_t arena) const {
    std::vector<Record> records;
    const auto& bins = contents_.tally.arena(arena).bins;
    for (std::size_t i = 1; i < bins.size(); ++i) {
      if (bins[i].chunks == 0) continue;
      records.push_back({{{"bin", std::uint64_t{i}},
                          {"kind", std::string(kind_of_bin(i))},
                          {"chunks", bins[i].chunks},
                          {"bytes", bins[i].bytes}},
                         {}});
    }
    return records;
  }

  static const char* kind_of_bin(std::size_t bin) {
    return bin == 1 ? "unsorted" : bin < 64 ? "small" : "large";
  }

  Table bin_table() const {
    Table table;
    table.columns = {{"", "CHUNKS"}, {"", "BYTES"}, {"", "BIN"}, {"", "KIND"}, {"", "ARENA"}};
    for (const ArenaFigures& f : figures_.arenas) {
      if (!is_shown(f)) continue;
      const auto& bins = contents_.tally.arena(f.index).bins;
      for (std::size_t i = 1; i < bins.size(); ++i) {
        if (bins[i].chunks == 0) continue;
        table.rows.push_back({{bins[i].chunks, bins[i].bytes, std::uint64_t{i},
                               std::string(kind_of_bin(i)), f.name}});
      }
    }
    return table;
  }

  Record totals() const {
    const ArenaFigures& all = figures_.all;
    const FreeFigures free = all.free();
    Record record;
    add_fields(record.fields, all);
    record.fields.push_back({"rounding_at_most_bytes", all.rounding_at_most});
    record.form = Record::Form::kLevel;
    record.lines = {
        fmt::format("  {:>10}  releasable: whole pages that malloc_trim(0) would give back",
                    humanised(free.releasable)),
        fmt::format(
            "  {:>10}  pinned: free and resident, on pages with live chunks ({}) or in tops "
            "that are not trimmed ({})",
            humanised(free.pinned()), humanised(all.binned.pinned() + all.fast.pinned()),
            humanised(all.top.pinned())),
        fmt::format("  {:>10}  in threads' caches: {} chunks, given back by no call",
                    humanised(all.cached.bytes), grouped(all.cached.chunks)),
        fmt::format("  {:>10}  free and not resident", humanised(free.bytes - free.resident))};
    return record;
  }

  Table size_table() {
    Table table;
    table.columns = {
        {"live_bytes", "LIVE"},
        {"live_chunks", "CHUNKS"},
        {"free_chunks", "FREE"},
        {"cached_chunks", "CACHED", Column::kSpare},
        {"chunk_bytes", "CHUNK"},
        {"", "ASKED FOR", Column::kNeeded,
         "ASKED FOR is what such a chunk can have been asked for: which of it cannot be known"}};
    struct Row {
      Bytes size;
      glibc::ByState states;
      Bytes live;
    };
    std::vector<Row> rows;
    for (const auto& [size, states] : contents_.tally.sizes()) {
      rows.push_back({size, states, size * count(states, ChunkState::kLive)});
    }
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Row& a, const Row& b) { return a.live > b.live; });
    std::size_t shown = 0;
    for (const Row& row : rows) {
      const bool show = how_.sizes == HeapView::Sizes::kAll || shown < kSizesShown;
      shown += show;
      Table::Row cells;
      cells.cells = {row.live,
                     count(row.states, ChunkState::kLive),
                     count(row.states, ChunkState::kBinned) + count(row.states, ChunkState::kFast),
                     count(row.states, ChunkState::kCached),
                     row.size,
                     row.size == 0_B ? std::string("other sizes") : requests(row.size)};
      cells.shown = show;
      table.rows.push_back(std::move(cells));
    }
    size_footnote_ = "sorted by live bytes";
    if (shown < rows.size()) {
      size_footnote_ +=
          fmt::format("; {} of {} sizes, --sizes shows every one", shown, rows.size());
    }
    return table;
  }

  static std::string chunk_text(const glibc::Chunk& chunk) {
    if (chunk.range.empty()) return "the region's end";
    const char* const what = chunk.state == ChunkState::kLive     ? "live"
                             : chunk.state == ChunkState::kCached ? "in a thread's cache"
                             : chunk.state == ChunkState::kTop    ? "the top"
                             : chunk.state == ChunkState::kFence  ? "a fence"
                             : chunk.state == ChunkState::kBinned ? "free, in a bin"
                             : chunk.state == ChunkState::kFast   ? "free, in a fast bin"
                                                                  : "not walked";
    return fmt::format("{:#x} ({} bytes, {})", chunk.range.start.value, chunk.range.size().value,
                       what);
  }

  std::vector<Record> holes() const {
    std::vector<Record> records;
    for (const glibc::Hole& hole : contents_.tally.holes()) {
      if (hole.range.size() < page_size()) break;
      Record record;
      record.fields = {{"start", hole.range.start},
                       {"bytes", hole.range.size()},
                       {"before", chunk_text(hole.before)},
                       {"after", chunk_text(hole.after)}};
      if (records.size() < kHolesShown) {
        record.lines = {
            fmt::format("{:>10}  at {:#x}", humanised(hole.range.size()), hole.range.start.value),
            "between " + chunk_text(hole.before), "and " + chunk_text(hole.after)};
      }
      records.push_back(std::move(record));
    }
    return records;
  }

  Record mmapped() const {
    return {{{"chunks", figures_.mmapped_chunks},
             {"bytes", figures_.mmapped_bytes},
             {"resident_bytes", figures_.mmapped_resident}},
            {}};
  }

  Record caches() const {
    Record record;
    record.fields = {{"chunks", figures_.all.cached.chunks}, {"bytes", figures_.all.cached.bytes}};
    std::vector<Record> threads;
    for (const glibc::ThreadCache& cache : contents_.heap.caches) {
      threads.push_back({{{"tid", static_cast<std::uint64_t>(cache.tid)},
                          {"address", cache.at},
                          {"chunks", cache.all.chunks},
                          {"bytes", cache.all.bytes}},
                         {}});
    }
    record.inner.push_back({"threads", "", std::move(threads), ""});
    return record;
  }

  Record tunables() const {
    Record record;
    record.form = Record::Form::kLevel;
    const auto& p = contents_.heap.parameters;
    if (!p) {
      record.lines = {"  glibc's malloc_par was not found: what is in force is not known"};
      return record;
    }
    record.fields = {{"mmap_threshold_bytes", p->mmap_threshold},
                     {"trim_threshold_bytes", p->trim_threshold},
                     {"top_pad_bytes", p->top_pad},
                     {"thresholds_move", p->thresholds_move},
                     {"arena_max", p->arena_max == 0 ? Cell{} : Cell{p->arena_max}},
                     {"mmap_max", std::uint64_t{p->mmapped_limit}},
                     {"tcache_max_bytes", p->cached_below},
                     {"tcache_count", p->cached_each}};
    record.lines = {
        fmt::format("  own mappings from {} on (mmap_threshold, {})", humanised(p->mmap_threshold),
                    p->thresholds_move ? "moves up to 32 MiB with what is freed" : "fixed"),
        fmt::format("  the main top is trimmed above {} (trim_threshold), {} are kept (top_pad)",
                    humanised(p->trim_threshold), humanised(p->top_pad)),
        p->arena_max == 0
            ? std::string(
                  "  arenas: glibc's own limit, 8 for each core, from 2.44 on 1 (arena_max)")
            : fmt::format("  arenas: at most {} (arena_max)", p->arena_max),
        fmt::format("  each thread keeps up to {} chunks of a size, up to {} (tcache_count)",
                    p->cached_each, humanised(p->cached_below))};
    return record;
  }

  static std::vector<Record> damage_records(const std::vector<glibc::Damage>& all) {
    std::vector<Record> records;
    for (const glibc::Damage& damage : all) {
      const auto chunk = [](const glibc::Chunk& c) {
        return c.range.empty() ? Cell{} : Cell{chunk_text(c)};
      };
      const glibc::Neighbours& around = damage.around;
      Record record;
      record.fields = {{"address", damage.at},
                       {"what", damage.what},
                       {"cause", damage.cause.empty() ? Cell{} : Cell{damage.cause}},
                       {"before", chunk(around.before)},
                       {"chunk", chunk(around.itself)},
                       {"after", chunk(around.after)}};
      record.lines = {fmt::format("at {:#x}: {}", damage.at.value, damage.what)};
      if (!damage.cause.empty()) record.lines.push_back("what usually does that: " + damage.cause);
      if (!around.itself.range.empty()) {
        record.lines.push_back("the chunk:  " + chunk_text(around.itself));
        record.lines.push_back("before it:  " + chunk_text(around.before));
        record.lines.push_back("behind it:  " + chunk_text(around.after));
      }
      records.push_back(std::move(record));
    }
    return records;
  }

  const Explanation& e_;
  const HeapView& how_;
  const glibc::Contents& contents_;
  HeapFigures figures_;
  std::string size_footnote_;
};

}  // namespace

Document view(const Explanation& explanation, const HeapView& how) {
  return Heap(explanation, how).build();
}

}  // namespace strata
