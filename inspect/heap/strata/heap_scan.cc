#include "inspect/heap/strata/heap_scan.h"

#include <algorithm>
#include <cstring>

namespace strata::strata_malloc {
namespace {

// States of so many bytes are read at a time, and what spans belong to them.
constexpr std::uint64_t kStatesAtOnce = 1 << 20;
constexpr std::uint64_t kMostUnitsAtOnce = 1024;
// Runs may be far apart, so no more entries are read than a system call is worth.
constexpr std::uint64_t kEntriesAtOnce = 1024;
constexpr std::uint64_t kDirtyWordsAtOnce = 8192;
constexpr std::uint32_t kPending = std::uint32_t{1} << 31;
constexpr std::size_t kMostHeaps = 65535;

template <class T>
T value_at(const std::byte* from, std::uint32_t offset) {
  T value;
  std::memcpy(&value, from + offset, sizeof value);
  return value;
}

}  // namespace

struct HeapScan::Span {
  Address owner;
  std::uint8_t size_class;
  std::uint32_t free, carved;
};

Bytes read_limit(const Space& space) {
  Bytes mapped;
  for (const Mapping& m : space.mappings) {
    if (m.writable) mapped += m.range.size();
  }
  return std::clamp(Bytes{mapped.value / 8}, 256_MiB, 16_GiB);
}

bool HeapScan::Piece::has(Range wanted) const {
  const auto part = std::upper_bound(parts.begin(), parts.end(), wanted.start,
                                     [](Address a, const Range& r) { return a < r.end; });
  return part != parts.end() && part->contains(wanted);
}

/// False where no more may be read.
bool HeapScan::read_piece(Range range, Piece& piece) {
  if (bytes_read_ >= limit_) {
    contents_.tally.is_cut = true;
    return false;
  }
  piece.range = range;
  piece.bytes.assign(range.size().value, std::byte{});
  auto parts = memory_.read_parts(range.start, piece.bytes);
  piece.parts = parts ? std::move(*parts) : std::vector<Range>{};
  for (const Range& part : piece.parts) bytes_read_ += part.size();
  return true;
}

HeapScan::Span HeapScan::span_at(const std::byte* record) const {
  const abi::MallocLayout& l = contents_.table.layout;
  return {Address{value_at<std::uint64_t>(record, l.span_owner)},
          value_at<std::uint8_t>(record, l.span_class),
          value_at<std::uint32_t>(record, l.span_free) & ~kPending,
          value_at<std::uint32_t>(record, l.span_carved)};
}

void HeapScan::read(const Progress& progress) {
  contents_.tally = {};
  contents_.tally.classes.resize(contents_.table.class_sizes.size());
  contents_.tape.clear();
  contents_.units = {};
  contents_.pages = 0;
  bytes_read_ = {};
  for (const Address arena : contents_.table.arenas) contents_.tally.arenas[arena];
  const std::vector<NamedHeap>& named = contents_.table.named.heaps;
  contents_.tally.heaps.resize(named.size());
  heaps_by_arena_.clear();
  heaps_by_number_.clear();
  for (std::size_t i = 0; i < std::min(named.size(), kMostHeaps); ++i) {
    const auto heap = static_cast<std::uint16_t>(i + 1);
    heaps_by_arena_.emplace(named[i].arena, heap);
    if (named[i].number != 0) heaps_by_number_.emplace(named[i].number, heap);
  }
  for (std::size_t i = 0; i < contents_.table.zones.size(); ++i) {
    read_zone(i, progress);
    contents_.ends_of_zones[i] = contents_.tape.units();
  }
  read_runs();
}

void HeapScan::read_zone(std::size_t of, const Progress& progress) {
  const Table& table = contents_.table;
  const Zone& zone = table.zones[of];
  const std::uint64_t units = read_frontier(memory_, zone.frontier, zone.units());
  contents_.units[of] = units;
  const std::uint32_t record = table.layout.span_size;
  const std::uint64_t granules = zone.granules_of_unit();
  const std::uint64_t at_once =
      std::clamp<std::uint64_t>(kStatesAtOnce / granules, 1, kMostUnitsAtOnce);
  const Address end = zone.spans + Bytes{units * record};
  Piece spans, states;
  for (std::uint64_t first = 0; first < units;) {
    const std::uint64_t count = std::min(at_once, units - first);
    const auto span_of = [&](std::uint64_t i) {
      return range_of(zone.spans + Bytes{(first + i) * record}, Bytes{record});
    };
    if (!read_piece({span_of(0).start, span_of(count).start}, spans)) return;
    if (spans.parts.empty()) {
      // Each unit below the frontier once had a span; of what is not there nothing can be said.
      const auto next = memory_.next_present(spans.range.end, end);
      first = !next || *next >= end ? units : (*next - zone.spans).value / record;
      continue;
    }
    const Address from = zone.states + Bytes{first * granules};
    bool has_spans = false;
    for (std::uint64_t i = 0; i < count && !has_spans; ++i) {
      has_spans = span_at(spans.at(span_of(i).start)).owner.value != 0;
    }
    if (has_spans && !read_piece(range_of(from, Bytes{count * granules}), states)) return;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!spans.has(span_of(i))) continue;
      const std::byte* const of_unit = has_spans ? states.at(from + Bytes{i * granules}) : nullptr;
      read_unit(zone, of, first + i, span_at(spans.at(span_of(i).start)),
                reinterpret_cast<const std::uint8_t*>(of_unit));
      if (contents_.tally.is_cut) return;
    }
    first += count;
    if (progress) {
      progress("walking the heap", static_cast<double>(first) / static_cast<double>(units));
    }
  }
}

void HeapScan::read_unit(const Zone& zone, std::size_t of, std::uint64_t number, const Span& span,
                         const std::uint8_t* states) {
  const Table& table = contents_.table;
  Tally& tally = contents_.tally;
  Tape& tape = contents_.tape;
  Unit unit;
  unit.number = static_cast<std::uint32_t>(number);
  unit.size_class = span.size_class;
  const auto keep = [&](bool kept) { tally.is_cut |= !kept; };
  if (span.owner.value == 0) {
    ++tally.free_units[of];
    return keep(tape.add(unit));
  }
  const std::uint64_t count = table.blocks_of(zone, span.size_class);
  const auto lose = [&] {
    unit.kind = UnitKind::kLost;
    tally.lost += zone.unit();
    keep(tape.add(unit));
  };
  if (count == 0) return lose();
  const Bytes size = table.class_sizes[span.size_class];
  const std::uint64_t stride = size.value >> zone.granule_shift;
  const auto named = heaps_by_arena_.find(span.owner);
  if (named != heaps_by_arena_.end()) unit.heap = named->second;
  blocks_.resize(count);
  ByState sum{};
  std::uint64_t shelved = 0;
  std::uint64_t odd = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint8_t state = states[i * stride];
    BlockState block = BlockState::kUncut;
    if (state == span.size_class || state == (span.size_class | abi::kStateMarked)) {
      block = BlockState::kLive;
    } else if (state == (span.size_class | abi::kStateInSpan)) {
      block = BlockState::kFree;
    } else if (state == (span.size_class | abi::kStateInCache)) {
      block = unit.heap == 0 ? BlockState::kCached : BlockState::kFree;
      shelved += unit.heap != 0;
    } else {
      odd += state != 0 || i < span.carved;
    }
    blocks_[i] = block;
    ++sum[static_cast<std::size_t>(block)].blocks;
  }
  // Its states are not there: swapped out, or left out of a core.
  if (odd == count || (odd > 0 && odd == std::min<std::uint64_t>(span.carved, count))) {
    return lose();
  }
  tally.odd += odd;
  tally.miscounted += of_state(sum, BlockState::kFree).blocks != span.free + shelved;
  ClassTally& of_class = tally.classes[span.size_class];
  ArenaTally* of_arena = nullptr;
  HeapTally* const of_heap = unit.heap == 0 ? nullptr : &tally.heaps[unit.heap - 1U];
  if (of_heap != nullptr) {
    ++of_heap->spans;
    of_heap->span_bytes += zone.unit();
  } else if (tally.arenas.size() < Tally::kMostArenas || tally.arenas.contains(span.owner)) {
    of_arena = &tally.arenas[span.owner];
    ++of_arena->spans;
    of_arena->span_bytes += zone.unit();
  }
  ++of_class.spans;
  of_class.span_bytes += zone.unit();
  for (std::size_t i = 0; i < kBlockStates; ++i) {
    sum[i].bytes = size * sum[i].blocks;
    of_class.states[i] += sum[i];
    if (of_arena != nullptr) of_arena->states[i] += sum[i];
    if (of_heap != nullptr) of_heap->states[i] += sum[i];
    if (sum[i].blocks == count) unit.all = static_cast<BlockState>(i);
  }
  const bool is_alike = of_state(sum, unit.all).blocks == count;
  unit.kind = is_alike ? UnitKind::kSpan : UnitKind::kMixedSpan;
  keep(is_alike ? tape.add(unit) : tape.add(unit, blocks_));
}

/// Of a live one.
std::uint16_t HeapScan::heap_of_run(const std::byte* entry) const {
  if (heaps_by_number_.empty()) return 0;
  const auto number = value_at<std::uint16_t>(entry, contents_.table.layout.entry_owner);
  const auto heap = heaps_by_number_.find(number);
  return heap == heaps_by_number_.end() ? std::uint16_t{0} : heap->second;
}

void HeapScan::add_run(std::uint64_t pages, RunKind kind, std::uint16_t heap) {
  const Bytes bytes = contents_.table.runs.page * pages;
  if (kind == RunKind::kLost) contents_.tally.lost += bytes;
  contents_.tally.is_cut |= !contents_.tape.add(Run{static_cast<std::uint32_t>(pages), kind, heap});
}

/// Cut where its pages turn from dirty to clean.
void HeapScan::add_free_run(std::uint64_t first, std::uint64_t pages) {
  Piece words;
  std::uint64_t begun = first;
  bool was_dirty = false;
  const std::uint64_t end = first + pages;
  for (std::uint64_t page = first; page <= end && !contents_.tally.is_cut;) {
    const Address word = contents_.table.runs.dirty + Bytes{page / 64 * 8};
    std::uint64_t bits = 0;
    if (page < end) {
      if (!words.range.contains(word)) {
        const std::uint64_t count = std::min(kDirtyWordsAtOnce, (end - 1) / 64 - page / 64 + 1);
        if (!read_piece(range_of(word, Bytes{count * 8}), words)) break;
      }
      bits = value_at<std::uint64_t>(words.at(word), 0);
    }
    const bool is_dirty = (bits >> (page % 64) & 1) != 0;
    if (page > first && (page == end || is_dirty != was_dirty)) {
      if (was_dirty) contents_.tally.dirty += contents_.table.runs.page * (page - begun);
      add_run(page - begun, was_dirty ? RunKind::kDirty : RunKind::kClean);
      begun = page;
    }
    was_dirty = is_dirty;
    // Most free runs are all clean or all dirty.
    const bool skips =
        page % 64 == 0 && page + 64 <= end && (bits == 0 || bits == ~std::uint64_t{0});
    page += skips ? 64 : 1;
  }
}

/// Pages of which no entry says anything, up to `page`.
void HeapScan::end_lost(std::uint64_t& lost) {
  if (lost > 0) add_run(lost, RunKind::kLost);
  lost = 0;
}

void HeapScan::read_runs() {
  const Table& table = contents_.table;
  Tally& tally = contents_.tally;
  const std::uint32_t record = table.layout.entry_size;
  const std::uint64_t pages = read_frontier(memory_, table.runs.frontier, table.runs.count());
  contents_.pages = pages;
  const auto entry_of = [&](std::uint64_t page) {
    return range_of(table.runs.entries + Bytes{page * record}, Bytes{record});
  };
  Piece entries;
  std::uint64_t lost = 0;  // pages before `page`
  std::uint64_t page = 1;  // 0 never is used
  while (page < pages && !tally.is_cut) {
    const Range at = entry_of(page);
    if (!entries.range.contains(at)) {
      const std::uint64_t count = std::min(kEntriesAtOnce, pages - page);
      if (!read_piece({at.start, entry_of(page + count).start}, entries)) break;
    }
    if (entries.parts.empty()) {
      const auto present = memory_.next_present(entries.range.end, entry_of(pages).start);
      std::uint64_t next = pages;
      if (present && *present < entry_of(pages).start) {
        next = (*present - table.runs.entries).value / record;
      }
      lost += next - page;
      page = next;
      continue;
    }
    const std::byte* const entry = entries.at(at.start);
    const auto length = value_at<std::uint32_t>(entry, table.layout.entry_pages);
    const auto use =
        static_cast<abi::RunUse>(value_at<std::uint8_t>(entry, table.layout.entry_use));
    const bool is_run = use == abi::RunUse::kFree || use == abi::RunUse::kHot ||
                        use == abi::RunUse::kLive || use == abi::RunUse::kMoved ||
                        use == abi::RunUse::kGuard;
    if (!is_run || length == 0 || length > pages - page) {
      ++lost;
      ++page;
      continue;
    }
    end_lost(lost);
    const Count run{1, table.runs.page * length};
    if (use == abi::RunUse::kFree) {
      tally.free_runs += run;
      add_free_run(page, length);
    } else if (use == abi::RunUse::kHot) {
      tally.free_runs += run;
      tally.dirty += run.bytes;
      add_run(length, RunKind::kDirty);
    } else if (use == abi::RunUse::kGuard) {
      add_run(length, RunKind::kClean);
    } else {
      (use == abi::RunUse::kMoved ? tally.moved_runs : tally.live_runs) += run;
      const std::uint16_t heap = heap_of_run(entry);
      if (heap != 0) tally.heaps[heap - 1U].runs += run;
      add_run(length, RunKind::kLive, heap);
    }
    page += length;
  }
  end_lost(lost);
}

}  // namespace strata::strata_malloc
