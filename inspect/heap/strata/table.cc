#include "inspect/heap/strata/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <string_view>

namespace strata::strata_malloc {
namespace {

// What version 1 had when it was made; what was added since stands behind it and may be absent.
constexpr std::size_t kLeastBytes = offsetof(abi::MallocLayout, entry_use) + sizeof(std::uint32_t);
constexpr std::size_t kMostBytes = 4096;
constexpr Bytes kMostPage = 64_KiB;
constexpr Address kMostAddress{std::uint64_t{1} << 56};
constexpr unsigned kLeastShift = 4, kMostShift = 30;
constexpr unsigned kMostGranulesShift = 20;  // of a unit: as many states are read at once
constexpr std::uint32_t kMostClasses = abi::kStateClass + 1;
// A span is 64 bytes, an entry 16.
constexpr std::uint32_t kMostRecord = 1024;
// One for each thread that lived at a time; each takes a page of the target's memory and more.
constexpr std::size_t kMostArenas = 65536;
constexpr std::uint32_t kMostArena = 1 << 20;  // bytes; one is 2 KiB

bool holds(std::uint32_t offset, std::uint32_t bytes, std::uint32_t size) {
  return offset % bytes == 0 && offset <= size && size - offset >= bytes;
}

bool is_range(std::uint64_t start, std::uint64_t bytes) {
  return start > 0 && bytes > 0 && start < kMostAddress.value && bytes < kMostAddress.value &&
         start + bytes <= kMostAddress.value;
}

/// What of a table does not hold; nullptr where all does. Takes it into `table`.
class Check {
 public:
  Check(Peek& peek, const Space& space, Table& table)
      : peek_(peek),
        space_(space),
        table_(table),
        layout_(table.layout),
        page_(table.layout.page_size) {}

  const char* fails() {
    if (layout_.page_size < page_size().value || layout_.page_size > kMostPage.value ||
        !std::has_single_bit(layout_.page_size)) {
      return "its page size is none of this machine";
    }
    if (!is_range(layout_.all, layout_.all_bytes)) return "its reservation is no range";
    table_.all = range_of(Address{layout_.all}, Bytes{layout_.all_bytes});
    if (!offsets_hold() || !heaps_hold(layout_)) {
      return "its offsets lead out of what they lead into";
    }
    if (!take_zone(layout_.small, table_.zones[0]) || !take_zone(layout_.medium, table_.zones[1])) {
      return "a zone is none";
    }
    table_.zones[0].is_small = true;
    if (!take_runs()) return "its pages are none";
    if (!is_range(layout_.metadata, layout_.metadata_bytes)) return "its metadata is no range";
    table_.metadata = range_of(Address{layout_.metadata}, Bytes{layout_.metadata_bytes});
    if (!take_unit_bits()) return "its free units are none";
    if (!parts_stand_apart()) return "its parts overlap, or lie outside its reservation";
    if (reads_of_others()) return "what it would have read is other memory than a heap's";
    if (table_.zones[1].blocks < table_.zones[0].blocks) {
      std::swap(table_.zones[0], table_.zones[1]);
    }
    if (table_.runs.pages.start < table_.zones[1].blocks.end) {
      return "its pages do not stand behind its blocks";
    }
    return take_classes() ? nullptr : "its size classes are none";
  }

 private:
  bool offsets_hold() const {
    const abi::MallocLayout& l = layout_;
    if (l.span_size == 0 || l.span_size > kMostRecord || l.entry_size == 0 ||
        l.entry_size > kMostRecord || l.arena_next > kMostArena) {
      return false;
    }
    return holds(l.span_owner, 8, l.span_size) && holds(l.span_class, 1, l.span_size) &&
           holds(l.span_free, 4, l.span_size) && holds(l.span_carved, 4, l.span_size) &&
           holds(l.span_purged, 8, l.span_size) && holds(l.entry_pages, 4, l.entry_size) &&
           holds(l.entry_use, 1, l.entry_size);
  }

  bool take_zone(const abi::MallocZone& from, Zone& zone) const {
    if (!is_range(from.base, from.bytes) || from.frontier % 4 != 0) return false;
    zone.blocks = range_of(Address{from.base}, Bytes{from.bytes});
    zone.states = Address{from.states};
    zone.spans = Address{from.spans};
    zone.frontier = Address{from.frontier};
    zone.unit_shift = from.unit_shift;
    zone.granule_shift = from.granule_shift;
    if (zone.granule_shift < kLeastShift || zone.unit_shift > kMostShift ||
        zone.unit_shift <= zone.granule_shift ||
        zone.unit_shift - zone.granule_shift > kMostGranulesShift || zone.unit() < page_) {
      return false;
    }
    // Index and address of a unit are made of each other.
    return from.base % page_.value == 0 && from.bytes % zone.unit().value == 0 &&
           from.spans % 8 == 0 && is_range(from.states, from.bytes >> zone.granule_shift) &&
           is_range(from.spans, zone.units() * layout_.span_size);
  }

  /// Of an older table there are none.
  bool take_unit_bits() const {
    Zone& small = table_.zones[0];
    Zone& medium = table_.zones[1];
    const std::uint64_t bitmaps[] = {layout_.small_dirty, layout_.small_clean, layout_.medium_dirty,
                                     layout_.medium_clean};
    if (std::all_of(std::begin(bitmaps), std::end(bitmaps), [](auto at) { return at == 0; })) {
      return true;
    }
    small.dirty = Address{layout_.small_dirty};
    small.clean = Address{layout_.small_clean};
    medium.dirty = Address{layout_.medium_dirty};
    medium.clean = Address{layout_.medium_clean};
    return std::all_of(std::begin(bitmaps), std::end(bitmaps), [&](std::uint64_t at) {
      return at % 8 == 0 && is_range(at, table_.zones[0].units() / 8 + 8) &&
             is_range(at, table_.zones[1].units() / 8 + 8);
    });
  }

  bool take_runs() const {
    const abi::MallocPages& from = layout_.pages;
    if (!is_range(from.base, from.bytes) || from.base % page_.value != 0 ||
        from.bytes % page_.value != 0 || from.frontier % 4 != 0 || from.entries % 8 != 0 ||
        from.dirty % 8 != 0) {
      return false;
    }
    table_.runs = {range_of(Address{from.base}, Bytes{from.bytes}), Address{from.entries},
                   Address{from.dirty}, Address{from.frontier}, page_};
    return is_range(from.entries, table_.runs.count() * layout_.entry_size) &&
           is_range(from.dirty, table_.runs.count() / 8 + 8);
  }

  /// Whether a file or a device is mapped where its arrays should be.
  bool reads_of_others() const {
    std::vector<Range> read{table_.entries(), table_.dirty_bits(), table_.metadata};
    for (const Zone& zone : table_.zones) {
      read.push_back(table_.states_of(zone));
      read.push_back(table_.spans_of(zone));
      add_unit_bits(zone, read);
    }
    return std::any_of(space_.mappings.begin(), space_.mappings.end(), [&](const Mapping& m) {
      return !is_private_anonymous(m) &&
             std::any_of(read.begin(), read.end(),
                         [&](const Range& range) { return m.range.overlaps(range); });
    });
  }

  void add_unit_bits(const Zone& zone, std::vector<Range>& to) const {
    if (!table_.has_unit_bits(zone)) return;
    to.push_back(Table::unit_bits(zone, zone.dirty));
    to.push_back(Table::unit_bits(zone, zone.clean));
  }

  bool parts_stand_apart() const {
    std::vector<Range> parts{table_.runs.pages, table_.metadata, table_.entries(),
                             table_.dirty_bits()};
    for (const Zone& zone : table_.zones) {
      parts.push_back(zone.blocks);
      parts.push_back(table_.states_of(zone));
      parts.push_back(table_.spans_of(zone));
      add_unit_bits(zone, parts);
    }
    std::sort(parts.begin(), parts.end());
    Address end = table_.all.start;
    for (const Range& part : parts) {
      if (part.start < end || part.end > table_.all.end) return false;
      end = part.end;
    }
    return true;
  }

  bool take_classes() {
    if (layout_.classes < 2 || layout_.classes > kMostClasses) return false;
    Bytes before;
    for (std::uint32_t c = 0; c < layout_.classes; ++c) {
      const Address at = Address{layout_.class_sizes} + Bytes{c * 2ULL};
      // They are constants, which a core may lack and their file has.
      const auto word = peek_.constant_word(round_down(at, 8_B));
      if (!word || at.value % 2 != 0) return false;
      const Bytes bytes{*word >> (at.value % 8 * 8) & 0xffff};
      if (c > 0 && (bytes <= before || bytes.value % 16 != 0)) return false;
      table_.class_sizes.push_back(bytes);
      before = bytes;
    }
    return true;
  }

  Peek& peek_;
  const Space& space_;
  Table& table_;
  const abi::MallocLayout& layout_;
  const Bytes page_;
};

void read_arenas(Peek& peek, Table& table) {
  std::set<Address> seen;
  Address next{peek.word(Address{table.layout.arenas}).value_or(0)};
  while (next.value != 0) {
    const bool is_arena = table.metadata.contains(next) && next.value % 8 == 0 &&
                          seen.size() < kMostArenas && seen.insert(next).second;
    const auto after = is_arena ? peek.word(next + Bytes{table.layout.arena_next}) : std::nullopt;
    if (!after) {
      table.has_all_arenas = false;
      break;
    }
    if (!table.named.arenas.contains(next)) table.arenas.push_back(next);
    next = Address{*after};
  }
  // The first is the one that was made last.
  std::reverse(table.arenas.begin(), table.arenas.end());
  const abi::MallocLayout& l = table.layout;
  if (l.arena_idle == 0 || l.arena_idle > kMostArena || l.arena_thread > kMostArena) return;
  for (const Address arena : table.arenas) {
    const auto is_idle = peek.value<std::uint8_t>(arena + Bytes{l.arena_idle});
    const auto thread = peek.value<std::uint32_t>(arena + Bytes{l.arena_thread});
    table.uses.push_back(
        {is_idle.value_or(0) != 0, static_cast<pid_t>(thread.value_or(0) & 0x7fffffff)});
  }
}

/// What the library has of its own beside the heap: it lies with the table, or is not believed.
void read_own(Peek& peek, const StaticWords& statics, Table& table) {
  const Range data = range_of(statics.start, Bytes{statics.words.size() * 8});
  const abi::MallocLayout& l = table.layout;
  if (is_range(l.own, l.own_bytes)) {
    const Range own = range_of(Address{l.own}, Bytes{l.own_bytes});
    if (data.contains(own)) table.own = own;
  }
  const auto option_at = [&](std::uint64_t at) {
    const bool is_there = at % 8 == 0 && data.contains(range_of(Address{at}, 8_B));
    return is_there ? peek.value<std::uint64_t>(Address{at}) : std::nullopt;
  };
  table.background = option_at(l.background);
  table.decay = option_at(l.decay);
}

std::optional<Table> table_at(Peek& peek, const Space& space, const StaticWords& statics,
                              std::size_t word, std::vector<std::string>& notes) {
  Table table;
  table.at = statics.address(word);
  const std::size_t room = (statics.words.size() - word) * 8;
  const auto refuse = [&](std::string_view why) {
    notes.push_back(fmt::format("a table of the Strata malloc's at {} cannot be followed: {}",
                                place_of(space, table.at), why));
    return std::nullopt;
  };
  abi::MallocLayout& layout = table.layout;
  std::memset(static_cast<void*>(&layout), 0, sizeof layout);
  std::memcpy(static_cast<void*>(&layout), &statics.words[word], std::min(room, sizeof layout));
  if (layout.version != abi::kMallocVersion) {
    return refuse(fmt::format("it is of version {}, and this strata knows version {}",
                              layout.version, abi::kMallocVersion));
  }
  if (layout.bytes < kLeastBytes || layout.bytes > kMostBytes || layout.bytes > room) {
    return refuse("its length is none");
  }
  if (layout.bytes < sizeof layout) {
    std::memset(reinterpret_cast<std::byte*>(&layout) + layout.bytes, 0,
                sizeof layout - layout.bytes);
  }
  if (const char* const why = Check(peek, space, table).fails()) return refuse(why);
  table.named = read_named_heaps(peek, layout, table.metadata);
  read_arenas(peek, table);
  read_own(peek, statics, table);
  table.evidence = fmt::format(
      "the Strata malloc's own table at {}, version {}, {} arenas, {} named heaps",
      place_of(space, table.at), layout.version, table.arenas.size(), table.named.heaps.size());
  return table;
}

}  // namespace

Range Table::states_of(const Zone& zone) const {
  return range_of(zone.states, Bytes{zone.blocks.size().value >> zone.granule_shift});
}
Range Table::spans_of(const Zone& zone) const {
  return range_of(zone.spans, Bytes{zone.units() * layout.span_size});
}
Range Table::entries() const {
  return range_of(runs.entries, Bytes{runs.count() * layout.entry_size});
}
Range Table::dirty_bits() const { return range_of(runs.dirty, Bytes{runs.count() / 8 + 8}); }

std::uint64_t Table::blocks_of(const Zone& zone, unsigned size_class) const {
  if (size_class == 0 || size_class >= class_sizes.size()) return 0;
  const Bytes size = class_sizes[size_class];
  if (size.value % (std::uint64_t{1} << zone.granule_shift) != 0) return 0;
  return zone.unit() / size;
}

std::uint64_t read_frontier(const PresentMemory& memory, Address at, std::uint64_t most) {
  return std::min<std::uint64_t>(memory.value<std::uint32_t>(at).value_or(0), most);
}

std::optional<Table> find_table(Peek& peek, const Space& space, std::vector<std::string>& notes) {
  std::uint64_t magic[2];
  static_assert(sizeof magic == sizeof abi::kMallocMagic);
  std::memcpy(magic, abi::kMallocMagic, sizeof magic);
  std::optional<Table> found;
  std::vector<std::string> doubts;
  for (const Module& module : space.modules) {
    for (const StaticWords& statics : read_static_words(peek, module)) {
      for (std::size_t i = 0; i + 1 < statics.words.size(); ++i) {
        if (statics.words[i] != magic[0] || statics.words[i + 1] != magic[1]) continue;
        if (statics.address(i).value % 16 != 0) continue;
        auto table = table_at(peek, space, statics, i, doubts);
        if (!table) continue;
        if (found) {
          doubts.push_back(
              fmt::format("a second Strata malloc is loaded, with its table at {}: what is in it "
                          "is not told apart",
                          place_of(space, table->at)));
          continue;
        }
        found = std::move(table);
      }
    }
  }
  // A hostile target can have the magic a million times.
  constexpr std::size_t kMostNotes = 4;
  for (std::size_t i = 0; i < std::min(doubts.size(), kMostNotes); ++i) {
    notes.push_back(std::move(doubts[i]));
  }
  return found;
}

}  // namespace strata::strata_malloc
