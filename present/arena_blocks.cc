#include "present/arena_blocks.h"

#include <fmt/format.h>

#include <algorithm>

#include "inspect/ledger/findings/heap_shares.h"

namespace strata {
namespace {

// Of each arena so many threads are named in text, more where one arena alone was asked for; and
// of so many arenas. JSON has them all.
constexpr std::size_t kThreadsNamed = 3;
constexpr std::size_t kThreadsNamedOfOne = 32;
constexpr std::size_t kArenasNamed = 16;

const char* kind_of_bin(std::size_t bin) {
  return bin == 1 ? "unsorted" : bin < 64 ? "small" : "large";
}

class Arenas {
 public:
  Arenas(const Explanation& e, const HeapFigures& figures, const HeapView& how)
      : e_(e), contents_(*e.glibc), figures_(figures), how_(how) {}

  Table arena_table() const {
    Table table;
    table.columns = {
        {"", is_core() ? "IN FILE" : "RESIDENT"},
        {"", "LIVE"},
        {"", "CHUNKS"},
        {"", "FREE"},
        {"", "CACHED", Column::kSpare, "CACHED is free, in threads' caches"},
        {"", "TOP", Column::kSpare},
        {"", "RELEASABLE", Column::kNeeded,
         "RELEASABLE is what malloc_trim(0) would give back, of FREE and TOP"},
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
    // The last row has all that is not shown, so that the rows add up.
    ArenaFigures rest;
    std::uint64_t rest_threads = 0;
    std::size_t left_out = 0;
    for (const ArenaFigures* const f : by_resident()) {
      const std::uint64_t threads = contents_.heap.arenas[f->index].attached;
      if (table.rows.size() < kArenasNamed) {
        row(*f, threads, f->name);
        continue;
      }
      rest += *f;
      rest_threads += threads;
      ++left_out;
    }
    if (left_out > 0) {
      row(rest, rest_threads, fmt::format("{} arenas more, by --arena N or --json", left_out));
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

  /// Whose arena is which, where it can be told.
  Record thread_lines() const {
    Record record;
    record.form = Record::Form::kLevel;
    std::size_t left_out = 0;
    for (const ArenaFigures* const f : by_resident()) {
      const glibc::Arena& arena = contents_.heap.arenas[f->index];
      if (arena.threads.empty()) continue;
      if (record.lines.size() == kArenasNamed) {
        ++left_out;
        continue;
      }
      std::string line = fmt::format(
          "  {:<10}  {}", f->name,
          listed_threads(e_, threads_of(arena), how_.arena ? kThreadsNamedOfOne : kThreadsNamed));
      if (arena.attached != arena.threads.size()) {
        line += fmt::format("; it counts {}", arena.attached);
      }
      record.lines.push_back(std::move(line));
    }
    if (left_out > 0) {
      record.lines.push_back(
          fmt::format("  and of {} arenas more; --arena N names those of one", left_out));
    }
    return record;
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
      const std::vector<Field> more = fields_of(f);
      record.fields.insert(record.fields.end(), more.begin(), more.end());
      std::vector<Record> regions;
      regions.reserve(arena.regions.size());
      for (const glibc::Region& region : arena.regions) {
        regions.push_back({{{"start", region.range.start},
                            {"chunks_start", region.chunks.start},
                            {"chunks_end", region.chunks.end},
                            {"end", region.range.end},
                            {"evidence", region.evidence}},
                           {}});
      }
      std::vector<Record> threads;
      for (const pid_t tid : threads_of(arena)) {
        threads.push_back(
            {{{"tid", static_cast<std::uint64_t>(tid)}, {"name", name_of_thread(e_, tid)}}, {}});
      }
      record.inner.push_back({"threads", "", std::move(threads), ""});
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

 private:
  bool is_core() const { return e_.identity.kind == TargetKind::kCore; }
  bool is_shown(const ArenaFigures& f) const { return !how_.arena || *how_.arena == f.index; }

  static std::vector<pid_t> threads_of(const glibc::Arena& arena) {
    std::vector<pid_t> tids = arena.threads;
    std::sort(tids.begin(), tids.end());
    return tids;
  }

  std::vector<const ArenaFigures*> by_resident() const {
    std::vector<const ArenaFigures*> arenas;
    for (const ArenaFigures& f : figures_.arenas) {
      if (is_shown(f)) arenas.push_back(&f);
    }
    std::stable_sort(arenas.begin(), arenas.end(),
                     [](const auto* a, const auto* b) { return a->resident > b->resident; });
    return arenas;
  }

  const Explanation& e_;
  const glibc::Contents& contents_;
  const HeapFigures& figures_;
  const HeapView& how_;
};

}  // namespace

std::vector<Block> arena_blocks(const Explanation& explanation, const HeapFigures& figures,
                                const HeapView& how) {
  const Arenas arenas(explanation, figures, how);
  std::vector<Block> blocks;
  blocks.push_back({"", "Arenas", arenas.arena_table(), arenas.arena_footnote()});
  if (Record threads = arenas.thread_lines(); !threads.lines.empty()) {
    blocks.push_back({"", "Threads, by the arena that they take from", std::move(threads), ""});
  }
  blocks.push_back({"arenas", "", arenas.arena_records(), ""});
  return blocks;
}

Block bins_block(const Explanation& explanation, const HeapFigures& figures, const HeapView& how) {
  return {"", "Bins", Arenas(explanation, figures, how).bin_table(),
          "what is free and sorted, by the bin it is in"};
}

std::vector<Field> fields_of(const ArenaFigures& f) {
  const FreeFigures free = f.free();
  return {{"system_bytes", f.system},
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
}

Cell name_of_thread(const Explanation& explanation, pid_t tid) {
  const auto& threads = explanation.space.threads;
  const auto found = std::lower_bound(threads.begin(), threads.end(), tid,
                                      [](const Thread& t, pid_t n) { return t.tid < n; });
  if (found == threads.end() || found->tid != tid || found->name.empty()) return {};
  return found->name;
}

}  // namespace strata
