#include "inspect/heap/strata/heap_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace strata::strata_malloc {
namespace {

// States of so many bytes are read at a time, and what spans belong to them.
constexpr std::uint64_t kStatesAtOnce = 1 << 20;
constexpr std::uint64_t kMostUnitsAtOnce = 1024;
// Runs may be far apart, so no more entries are read than a system call is worth.
constexpr std::uint64_t kEntriesAtOnce = 1024;
constexpr std::uint64_t kBitWordsAtOnce = 8192;
constexpr std::uint32_t kPending = std::uint32_t{1} << 31;

constexpr const char* kEntryWrittenOver =
    "something wrote over malloc's own memory, which no block's overflow reaches: a pointer that "
    "was never one, or failing memory";

template <class T>
T value_at(const std::byte* from, std::uint32_t offset) {
  T value;
  std::memcpy(&value, from + offset, sizeof value);
  return value;
}

constexpr BlockState kStateOf[] = {BlockState::kLive, BlockState::kLive, BlockState::kCached,
                                   BlockState::kFree};

/// Of a block in a span of this class; nullopt where its state is none of that class.
std::optional<BlockState> state_of(std::uint8_t state, std::uint8_t size_class) {
  static_assert(abi::kStateMarked == 0x40 && abi::kStateInCache == 0x80 &&
                abi::kStateInSpan == 0xc0);
  if ((state & abi::kStateClass) != size_class) return std::nullopt;
  return kStateOf[state >> 6];
}

bool has_bit(std::uint64_t word, std::uint64_t bit) { return (word >> (bit % 64) & 1) != 0; }

}  // namespace

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

SpanRecord HeapScan::span_at(const std::byte* record) const {
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
  contents_.damage.clear();
  contents_.was_checked = checks();
  contents_.units = {};
  contents_.pages = 0;
  bytes_read_ = {};
  note_owners();
  for (std::size_t i = 0; i < contents_.table.zones.size(); ++i) {
    read_zone(i, progress);
    contents_.ends_of_zones[i] = contents_.tape.units();
  }
  dirty_pages_ = {};
  read_runs();
}

/// What spans' owners and runs' numbers are in the table's lists.
void HeapScan::note_owners() {
  const Table& table = contents_.table;
  owners_.clear();
  heaps_.clear();
  for (const Address arena : table.arenas) {
    contents_.tally.arenas[arena];
    if (owners_.size() >= Unit::kMostOwners) continue;
    owners_.emplace(arena.value,
                    Owner{Unit::OwnedBy::kArena, static_cast<std::uint16_t>(owners_.size())});
  }
  const std::vector<NamedHeap>& named = table.named.heaps;
  contents_.tally.heaps.resize(named.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(named.size(), Run::kNoHeap); ++i) {
    const auto place = static_cast<std::uint16_t>(i);
    owners_.emplace(named[i].arena.value, Owner{Unit::OwnedBy::kHeap, place});
    if (named[i].number != 0) heaps_.emplace(named[i].number, place);
  }
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
  const bool has_bitmaps = table.has_unit_bits(zone);
  Piece spans, states, dirty, clean;
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
    bool has_spans = checks();
    for (std::uint64_t i = 0; i < count && !has_spans; ++i) {
      has_spans = span_at(spans.at(span_of(i).start)).owner.value != 0;
    }
    if (has_spans && !read_piece(range_of(from, Bytes{count * granules}), states)) return;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!spans.has(span_of(i))) continue;
      UnitSight sight{zone, first + i, span_at(spans.at(span_of(i).start))};
      const Range own_states = range_of(from + Bytes{i * granules}, Bytes{granules});
      if (has_spans) {
        sight.states = reinterpret_cast<const std::uint8_t*>(states.at(own_states.start));
      }
      if (has_bitmaps && (checks() || sight.span.owner.value == 0)) {
        sight.has_bitmaps = true;
        sight.is_dirty = has_bit(word_of(zone.dirty, first + i, units, dirty), first + i);
        sight.is_clean = has_bit(word_of(zone.clean, first + i, units, clean), first + i);
      }
      read_unit(of, sight);
      // States of a unit that nobody uses may have been given back too.
      const bool can_check = states.has(own_states) || sight.span.owner.value == 0;
      if (checks() && can_check) check_unit(table, sight, contents_.damage);
      if (contents_.tally.is_cut) return;
    }
    first += count;
    if (progress) {
      progress("walking the heap", static_cast<double>(first) / static_cast<double>(units));
    }
  }
}

std::uint64_t HeapScan::word_of(Address bitmap, std::uint64_t bit, std::uint64_t end,
                                Piece& piece) {
  const Address word = bitmap + Bytes{bit / 64 * 8};
  if (!piece.range.contains(word)) {
    const std::uint64_t count = std::min(kBitWordsAtOnce, (end - 1) / 64 - bit / 64 + 1);
    if (!read_piece(range_of(word, Bytes{count * 8}), piece)) return 0;
  }
  return value_at<std::uint64_t>(piece.at(word), 0);
}

void HeapScan::read_unit(std::size_t of, const UnitSight& sight) {
  Unit unit;
  unit.number = static_cast<std::uint32_t>(sight.number);
  unit.size_class = sight.span.size_class;
  if (sight.span.owner.value != 0) return read_span(of, sight, unit);
  ++contents_.tally.free_units[of];
  contents_.tally.clean_units[of] += sight.is_clean;
  if (sight.is_clean) unit.kind = UnitKind::kClean;
  contents_.tally.is_cut |= !contents_.tape.add(unit);
}

void HeapScan::read_span(std::size_t of, const UnitSight& sight, Unit unit) {
  const Table& table = contents_.table;
  const Zone& zone = sight.zone;
  const SpanRecord& span = sight.span;
  Tally& tally = contents_.tally;
  const auto keep = [&](bool kept) { tally.is_cut |= !kept; };
  const std::uint64_t count = table.blocks_of(zone, span.size_class);
  const auto lose = [&] {
    unit.kind = UnitKind::kLost;
    tally.lost += zone.unit();
    keep(contents_.tape.add(unit));
  };
  if (count == 0) return lose();
  const Bytes size = table.class_sizes[span.size_class];
  const std::uint64_t stride = size.value >> zone.granule_shift;
  if (const auto owner = owners_.find(span.owner.value); owner != owners_.end()) {
    unit.owned_by = owner->second.kind;
    unit.owner = owner->second.place;
  }
  const bool is_heaps = unit.heap().has_value();
  blocks_.resize(count);
  ByState sum{};
  std::uint64_t shelved = 0;
  std::uint64_t odd = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint8_t state = sight.states[i * stride];
    const auto known = state_of(state, span.size_class);
    odd += !known && (state != 0 || i < span.carved);
    BlockState block = known.value_or(BlockState::kUncut);
    // On a heap's shelf a block is as free as in its span: malloc_trim() puts it there.
    if (is_heaps && block == BlockState::kCached) {
      block = BlockState::kFree;
      ++shelved;
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
  for (std::size_t i = 0; i < kBlockStates; ++i) {
    sum[i].bytes = size * sum[i].blocks;
    if (sum[i].blocks == count) unit.all = static_cast<BlockState>(i);
  }
  count_span(of, unit, span.owner, sum);
  const bool is_alike = of_state(sum, unit.all).blocks == count;
  unit.kind = is_alike ? UnitKind::kSpan : UnitKind::kMixedSpan;
  keep(is_alike ? contents_.tape.add(unit) : contents_.tape.add(unit, blocks_));
}

/// Of the unit whose blocks are at hand.
void HeapScan::count_span(std::size_t of, const Unit& unit, Address owner, const ByState& sum) {
  Tally& tally = contents_.tally;
  const Bytes size = contents_.table.zones[of].unit();
  const auto add = [&](auto& to) {
    ++to.spans;
    to.span_bytes += size;
    for (std::size_t i = 0; i < kBlockStates; ++i) to.states[i] += sum[i];
  };
  const auto fill =
      static_cast<std::size_t>(fill_of(of_state(sum, BlockState::kLive).blocks, blocks_.size()));
  const Bytes pinned = of_state(sum, BlockState::kFree).blocks == 0
                           ? 0_B
                           : pinned_bytes(contents_.table.class_sizes[unit.size_class]);
  const auto add_class = [&](ClassTally& to) {
    add(to);
    ++to.fills[fill];
    to.pinned += pinned;
  };
  add_class(tally.classes[unit.size_class]);
  if (const auto heap = unit.heap()) {
    add(tally.heaps[*heap]);
    const std::pair key{*heap, unit.size_class};
    if (tally.heap_classes.size() < Tally::kMostHeapClasses || tally.heap_classes.contains(key)) {
      add_class(tally.heap_classes[key]);
    }
  } else if (tally.arenas.size() < Tally::kMostArenas || tally.arenas.contains(owner)) {
    add(tally.arenas[owner]);
  }
}

/// What free blocks of the unit at hand, of so many bytes each, have on pages with others. Behind
/// the last block in use all whole pages can be given back (walk.cc).
Bytes HeapScan::pinned_bytes(Bytes block) const {
  const auto is_used = [](BlockState state) {
    return state == BlockState::kLive || state == BlockState::kCached;
  };
  const auto last = std::find_if(blocks_.rbegin(), blocks_.rend(), is_used);
  const auto used = static_cast<std::size_t>(blocks_.rend() - last);
  const Address unused = round_up(Address{} + block * used, page_size());
  Bytes pinned;
  for (std::size_t first = 0; first < blocks_.size(); ++first) {
    if (blocks_[first] != BlockState::kFree) continue;
    std::size_t end = first + 1;
    while (end < blocks_.size() && blocks_[end] == BlockState::kFree) ++end;
    // Units begin with a page.
    const Range free{Address{} + block * first, std::min(Address{} + block * end, unused)};
    if (free.start >= free.end) break;
    const Range pages{round_up(free.start, page_size()), round_down(free.end, page_size())};
    pinned += free.size() - (pages.start < pages.end ? pages.size() : 0_B);
    first = end;
  }
  return pinned;
}

/// Of a live one.
std::uint16_t HeapScan::heap_of_run(const std::byte* entry) const {
  if (heaps_.empty()) return Run::kNoHeap;
  const auto number = value_at<std::uint16_t>(entry, contents_.table.layout.entry_owner);
  const auto heap = heaps_.find(number);
  return heap == heaps_.end() ? Run::kNoHeap : heap->second;
}

void HeapScan::add_run(std::uint64_t pages, RunKind kind, std::uint16_t heap) {
  const Bytes bytes = contents_.table.runs.page * pages;
  if (kind == RunKind::kLost) contents_.tally.lost += bytes;
  contents_.tally.is_cut |= !contents_.tape.add(Run{static_cast<std::uint32_t>(pages), kind, heap});
}

/// Cut where its pages turn from dirty to clean.
void HeapScan::add_free_run(std::uint64_t first, std::uint64_t pages) {
  std::uint64_t begun = first;
  bool was_dirty = false;
  const std::uint64_t end = first + pages;
  for (std::uint64_t page = first; page <= end && !contents_.tally.is_cut;) {
    const std::uint64_t bits =
        page < end ? word_of(contents_.table.runs.dirty, page, contents_.pages, dirty_pages_) : 0;
    const bool is_dirty = has_bit(bits, page);
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

void HeapScan::report_entry(std::uint64_t page, std::string what) {
  const Table& table = contents_.table;
  contents_.damage.report({table.runs.entries + Bytes{page * table.layout.entry_size},
                           std::move(what), kEntryWrittenOver, table.runs.address_of(page)});
}

/// Its last page says the same as its first.
void HeapScan::check_free_run(std::uint64_t first, std::uint64_t pages) {
  if (pages < 2) return;
  const Table& table = contents_.table;
  const abi::MallocLayout& l = table.layout;
  const std::uint64_t last = first + pages - 1;
  const Address entry = table.runs.entries + Bytes{last * l.entry_size};
  const auto length = memory_.value<std::uint32_t>(entry + Bytes{l.entry_pages});
  const auto use = memory_.value<std::uint8_t>(entry + Bytes{l.entry_use});
  if (!length || !use) return;
  if (*length == pages && static_cast<abi::RunUse>(*use) == abi::RunUse::kFree) return;
  report_entry(last, fmt::format("the free run at {:#x} has {} pages, and its last one says {}",
                                 table.runs.address_of(first).value, pages, *length));
}

/// None of its pages is free with its memory still there.
void HeapScan::check_not_free(std::uint64_t first, std::uint64_t pages) {
  const Table& table = contents_.table;
  const std::uint64_t end = first + pages;
  for (std::uint64_t page = first; page < end && !contents_.tally.is_cut; ++page) {
    const std::uint64_t bits = word_of(table.runs.dirty, page, contents_.pages, dirty_pages_);
    if (bits == 0) page |= 63;
    if (!has_bit(bits, page)) continue;
    return contents_.damage.report(
        {table.runs.dirty + Bytes{page / 64 * 8},
         fmt::format("the page at {:#x} counts as free, and is of the run at {:#x}, which is not",
                     table.runs.address_of(page).value, table.runs.address_of(first).value),
         kEntryWrittenOver, table.runs.address_of(first)});
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
      if (checks() && lost == 0 && entries.has(at)) {
        report_entry(page, fmt::format("no run begins at {:#x}, where the one before it ends: it "
                                       "says it has {} pages of {} that are left, of use {}",
                                       table.runs.address_of(page).value, length, pages - page,
                                       static_cast<unsigned>(use)));
      }
      ++lost;
      ++page;
      continue;
    }
    end_lost(lost);
    const Count run{1, table.runs.page * length};
    if (checks() && use == abi::RunUse::kFree) check_free_run(page, length);
    if (checks() && use != abi::RunUse::kFree) check_not_free(page, length);
    if (use == abi::RunUse::kFree) {
      tally.free_runs += run;
      add_free_run(page, length);
    } else if (use == abi::RunUse::kHot) {
      tally.free_runs += run;
      tally.dirty += run.bytes;
      add_run(length, RunKind::kDirty);
    } else if (use == abi::RunUse::kGuard) {
      add_run(length, RunKind::kGuard);
    } else {
      (use == abi::RunUse::kMoved ? tally.moved_runs : tally.live_runs) += run;
      const std::uint16_t heap = heap_of_run(entry);
      if (heap != Run::kNoHeap) tally.heaps[heap].runs += run;
      add_run(length, RunKind::kLive, heap);
    }
    page += length;
  }
  end_lost(lost);
}

std::vector<std::string> notes_on(const Contents& contents, bool stands) {
  const Tally& tally = contents.tally;
  std::vector<std::string> notes;
  if (tally.odd > 0) {
    notes.push_back(fmt::format(
        "{} states of blocks of the Strata malloc's are none of their span's: {}", tally.odd,
        stands ? "they were written over, or are not in memory (swapped out)"
               : "it ran while it was read, or they are not in memory (swapped out)"));
  }
  if (tally.lost > 0_B) {
    notes.push_back(fmt::format(
        "{} of the Strata malloc's heap could not be walked: what is known of it is not in memory "
        "(swapped out, or left out of a core), or {}",
        size_text(tally.lost), stands ? "damaged" : "changed while it was read"));
  }
  if (tally.is_cut) {
    notes.push_back(
        "the Strata malloc's heap is larger than what is read of a target for it: the rest counts "
        "as not walked");
  }
  if (!contents.table.has_all_arenas) {
    notes.push_back("the Strata malloc's list of arenas does not come to an end");
  }
  if (!contents.table.named.is_whole) {
    notes.push_back("the Strata malloc's list of named heaps does not come to an end");
  }
  return notes;
}

}  // namespace strata::strata_malloc
