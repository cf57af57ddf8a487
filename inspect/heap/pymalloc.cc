// Finds CPython's arenas without symbols: a static pointer in the interpreter's writable data that
// leads to a table whose entries close, and whose arenas begin with a pool that names its entry.
#include <algorithm>
#include <unordered_set>

#include "inspect/heap/exports.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/joined_claims.h"
#include "inspect/heap/peek.h"
#include "inspect/heap/pymalloc_layout.h"

namespace strata {
namespace {

constexpr Bytes kReadLimit = 128_MiB;
// Free pools are read one header each; past this many the split is left out and said so.
constexpr std::size_t kMostFreePools = 200'000;
// The interpreter's code; the smallest seen has 2.3 MiB.
constexpr Bytes kLeastCode{1536 << 10};

struct Arena {
  Range range;
  Range pools;  // whole pools only
  Bytes pool_size;
  PyArenaObject entry;
};

/// Its entries are read again where they are needed: a large interpreter has 100,000s.
struct Table {
  Address start;
  std::size_t size = 0;    // in entries
  std::size_t arenas = 0;  // entries whose arena bears them out
  std::size_t wrong = 0;   // entries in use whose arena does not

  Address entry(std::size_t index) const { return start + Bytes{index * sizeof(PyArenaObject)}; }
};

/// An interpreter exports what its extension modules call. One that exports nothing shows by a
/// section of its own (3.13), or by the extension modules that it loaded.
bool may_hold_python(const Space& space, Peek& peek, const Module& module) {
  if (code_size(module) < kLeastCode) return false;
  for (const Section& section : module.sections) {
    if (section.name == ".PyRuntime") return true;
  }
  if (exports(peek, module, "PyObject_Malloc")) return true;
  return module.is_executable &&
         std::any_of(space.modules.begin(), space.modules.end(), [](const Module& other) {
           return other.name.find(".cpython-") != std::string::npos;
         });
}

bool entry_is_plausible(const Space& space, const PyArenaObject& entry) {
  if (entry.address == 0) return true;
  const Address address{entry.address};
  if (entry.address % 4096 != 0) return false;
  if (entry.total_pools != 63 && entry.total_pools != 64) return false;
  if (entry.free_pools > entry.total_pools) return false;
  const Range largest = range_of(address, kPyGeometries[1].arena);
  if (entry.pool_address <= entry.address || entry.pool_address > largest.end.value) return false;
  if (entry.first_free_pool != 0 && !largest.contains(Address{entry.first_free_pool})) return false;
  return find_writable_anonymous(space, address) != nullptr;
}

/// The links of an entry that is on one of the two lists; others keep stale ones.
bool links_stay_within(const PyArenaObject& entry, Address table, std::size_t size) {
  const auto within = [&](std::uint64_t link) {
    if (link == 0) return true;
    const std::uint64_t offset = link - table.value;
    return link >= table.value && offset < size * sizeof(PyArenaObject) &&
           offset % sizeof(PyArenaObject) == 0;
  };
  if (entry.address == 0) return within(entry.next_arena);
  return entry.free_pools == 0 || (within(entry.next_arena) && within(entry.previous_arena));
}

bool geometry_fits(const PyPoolHeader& pool, Bytes pool_size) {
  if (pool.size_class >= kPyMostSizeClasses || pool.next_offset > pool_size.value) return false;
  return std::any_of(std::begin(kPyAlignments), std::end(kPyAlignments), [&](std::uint32_t unit) {
    return std::uint64_t{pool.max_next_offset} + (pool.size_class + 1) * unit == pool_size.value;
  });
}

/// The arena of an entry, borne out by the header of its first pool.
std::optional<Arena> verify(const Space& space, Peek& peek, const PyArenaObject& entry,
                            std::size_t index) {
  for (const PyPoolGeometry& geometry : kPyGeometries) {
    const Range range = range_of(Address{entry.address}, geometry.arena);
    const Address first = round_up(range.start, geometry.pool);
    const Range pools{first, round_down(range.end, geometry.pool)};
    if (pools.size() / geometry.pool != entry.total_pools) continue;
    if (entry.pool_address > pools.end.value ||
        (entry.pool_address - first.value) % geometry.pool.value != 0) {
      continue;
    }
    PyPoolHeader header;
    if (!peek.read(first, std::as_writable_bytes(std::span(&header, 1)))) continue;
    if (header.arena_index != index || !geometry_fits(header, geometry.pool)) continue;
    if (!is_anonymous(space, range)) continue;
    return Arena{range, pools, geometry.pool, entry};
  }
  return std::nullopt;
}

/// How many entries there are from the table's start on until one cannot be an entry.
std::size_t count_entries(const Space& space, Peek& peek, const Table& table) {
  std::size_t ends = 0;  // of the list of unused entries: a table has one
  for (std::size_t i = 0; i < kPyMostArenas; ++i) {
    const auto entry = peek.value<PyArenaObject>(table.entry(i));
    if (!entry || !entry_is_plausible(space, *entry)) return i;
    if (entry->address == 0 && entry->next_arena == 0 && ++ends > 1) return i;
  }
  return kPyMostArenas;
}

std::optional<Table> read_table(const Space& space, Peek& peek, Address start) {
  Table table{start};
  const std::size_t entries = count_entries(space, peek, table);
  if (entries < kPyInitialArenas) return std::nullopt;
  table.size = kPyInitialArenas;
  while (table.size * 2 <= entries) table.size *= 2;
  for (std::size_t i = 0; i < table.size; ++i) {
    const auto entry = peek.value<PyArenaObject>(table.entry(i));
    if (!entry || !links_stay_within(*entry, start, table.size)) return std::nullopt;
    if (entry->address == 0) continue;
    ++(verify(space, peek, *entry, i) ? table.arenas : table.wrong);
  }
  // A running interpreter can be caught between two stores, never in most of its entries.
  if (table.arenas == 0 || table.wrong > table.arenas) return std::nullopt;
  return table;
}

/// Whether a table's size stands near the pointer, as maxarenas does in every build seen: next to
/// it where the state is one struct (3.12), within a few words where they are statics.
bool has_size_nearby(const StaticWords& words, std::size_t index) {
  constexpr std::size_t kReach = 16;
  const std::size_t first = index < kReach ? 0 : index - kReach;
  const std::size_t last = std::min(index + kReach, words.words.size() - 1);
  const auto is_table_size = [](std::uint64_t n) {
    return n >= kPyInitialArenas && n <= kPyMostArenas && (n & (n - 1)) == 0;
  };
  for (std::size_t i = first; i <= last; ++i) {
    if (is_table_size(words.words[i] & 0xffffffff) || is_table_size(words.words[i] >> 32)) {
      return true;
    }
  }
  return false;
}

enum class Search { kNearSize, kEverywhere };

std::vector<Table> find_tables(const Space& space, Peek& peek,
                               const std::vector<StaticWords>& statics, Search search) {
  std::vector<Table> tables;
  std::unordered_set<std::uint64_t> seen;
  for (const StaticWords& words : statics) {
    for (std::size_t i = 0; i < words.words.size(); ++i) {
      const std::uint64_t pointer = words.words[i];
      if (pointer == 0 || pointer % 16 != 0) continue;
      if (find_writable_anonymous(space, Address{pointer}) == nullptr) continue;
      if (search == Search::kNearSize && !has_size_nearby(words, i)) continue;
      if (!seen.insert(pointer).second) continue;
      if (auto table = read_table(space, peek, Address{pointer})) {
        tables.push_back(*table);
      }
    }
  }
  return tables;
}

/// The arena's free pools, where list and count agree to the pool; else nothing.
std::vector<Range> find_free_pools(Peek& peek, const Arena& arena) {
  std::vector<std::uint64_t> starts;
  for (std::uint64_t at = arena.entry.pool_address; at < arena.pools.end.value;
       at += arena.pool_size.value) {
    starts.push_back(at);
  }
  std::uint64_t pool = arena.entry.first_free_pool;
  while (pool != 0) {
    if (starts.size() >= arena.entry.free_pools || pool % arena.pool_size.value != 0 ||
        !arena.pools.contains(Address{pool})) {
      return {};
    }
    starts.push_back(pool);
    PyPoolHeader header;
    if (!peek.read(Address{pool}, std::as_writable_bytes(std::span(&header, 1)))) return {};
    if (header.blocks_in_use != 0) return {};
    pool = header.next_pool;
  }
  if (starts.size() != arena.entry.free_pools) return {};
  std::sort(starts.begin(), starts.end());
  std::vector<Range> ranges;
  for (const std::uint64_t start : starts) {
    const Range range = range_of(Address{start}, arena.pool_size);
    if (!ranges.empty() && ranges.back().end == range.start) {
      ranges.back().end = range.end;
    } else if (!ranges.empty() && ranges.back().end > range.start) {
      return {};  // a pool twice on the list
    } else {
      ranges.push_back(range);
    }
  }
  return ranges;
}

void claim_table(const HeapScene& scene, Peek& peek, const Module& module, const Table& table,
                 HeapSurvey& survey) {
  Chart& chart = scene.chart;
  const AccountId arenas = chart.open({"heap", "pymalloc", "pools in use"});
  const AccountId free_pools = chart.open({"heap", "pymalloc", "free pools"});
  const EvidenceId listed = chart.because(
      fmt::format("an entry of the arena table at {:#x} that {} points to; its first pool names "
                  "the entry",
                  table.start.value, module.name));
  const EvidenceId freed =
      chart.because("pools on their arena's free list or never used, as many as it counts");
  std::size_t free_seen = 0;
  std::size_t not_split = 0;
  JoinedClaims whole(chart);
  JoinedClaims within(chart);
  for (std::size_t i = 0; i < table.size; ++i) {
    const auto entry = peek.value<PyArenaObject>(table.entry(i));
    if (!entry || entry->address == 0) continue;
    const auto arena = verify(scene.space, peek, *entry, i);
    if (!arena) continue;
    whole.push(arena->range, arenas, listed);
    if (arena->entry.free_pools == 0) continue;
    free_seen += arena->entry.free_pools;
    const std::vector<Range> free =
        free_seen > kMostFreePools ? std::vector<Range>{} : find_free_pools(peek, *arena);
    if (free.empty()) ++not_split;
    for (const Range& range : free) within.push(range, free_pools, freed);
  }
  whole.move_into(survey, "pymalloc's arenas");
  within.move_into(survey, "pymalloc's free pools");
  if (table.wrong > 0) {
    survey.notes.push_back(
        fmt::format("{} of pymalloc's {} arenas contradict their first pool and are not claimed",
                    table.wrong, table.wrong + table.arenas));
  }
  if (not_split > 0) {
    survey.notes.push_back(
        fmt::format("the free pools of {} of pymalloc's {} arenas could not be told apart",
                    not_split, table.arenas));
  }
}

}  // namespace

HeapSurvey survey_pymalloc(const HeapScene& scene) {
  HeapSurvey survey;
  for (const Module& module : scene.space.modules) {
    Peek peek(scene, kReadLimit);
    if (!may_hold_python(scene.space, peek, module)) continue;
    const std::vector<StaticWords> statics = read_static_words(peek, module);
    auto tables = find_tables(scene.space, peek, statics, Search::kNearSize);
    if (tables.empty()) tables = find_tables(scene.space, peek, statics, Search::kEverywhere);
    for (const Table& table : tables) claim_table(scene, peek, module, table, survey);
    survey.bytes_read += peek.bytes_read();
    if (peek.exhausted()) {
      survey.notes.push_back(fmt::format(
          "reading pymalloc's structures in {} stopped at a limit of 128 MiB", module.name));
    }
  }
  return survey;
}

}  // namespace strata
