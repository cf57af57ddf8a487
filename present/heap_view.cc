#include "present/heap_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/printable.h"
#include "inspect/ledger/heap_figures.h"
#include "present/arena_blocks.h"
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

constexpr std::size_t kUnfinishedShown = 3;

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
    for (Block& block : arena_blocks(e_, figures_, how_)) d.blocks.push_back(std::move(block));
    d.blocks.push_back({"totals", "What is free", totals(), ""});
    d.blocks.push_back({"sizes", "By size", size_table(), size_footnote_});
    if (how_.bins == HeapView::Bins::kShow) {
      d.blocks.push_back(bins_block(e_, figures_, how_));
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
                        unfinished_records(), ""});
    d.blocks.push_back(notes_block(e_.notes));
    return d;
  }

 private:
  bool is_core() const { return e_.identity.kind == TargetKind::kCore; }

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
    const auto& parameters = contents_.heap.parameters;
    if (parameters && parameters->mmapped_chunks > figures_.mmapped_chunks) {
      record.lines.push_back(fmt::format(
          "{} of its {} mmapped chunks could not be told from other memory, and are not in it",
          parameters->mmapped_chunks - figures_.mmapped_chunks, parameters->mmapped_chunks));
    }
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

  Record totals() const {
    const ArenaFigures& all = figures_.all;
    const FreeFigures free = all.free();
    Record record;
    record.fields = fields_of(all);
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
    threads.reserve(contents_.heap.caches.size());
    for (const glibc::ThreadCache& cache : contents_.heap.caches) {
      threads.push_back({{{"tid", static_cast<std::uint64_t>(cache.tid)},
                          {"name", name_of_thread(e_, cache.tid)},
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

  /// Of a program at work there can be a hundred, and no one is of interest.
  std::vector<Record> unfinished_records() const {
    std::vector<Record> records = damage_records(contents_.heap.unfinished);
    for (std::size_t i = kUnfinishedShown; i < records.size(); ++i) records[i].lines.clear();
    if (records.size() > kUnfinishedShown) {
      records[kUnfinishedShown].lines = {
          fmt::format("and {} more", records.size() - kUnfinishedShown)};
    }
    return records;
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
