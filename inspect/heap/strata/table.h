// inspect/heap/strata/table.h - the Strata malloc's table, found in a target and held against
// itself: nothing that it says is believed before it fits in with the rest.
//
//     all   [small blocks | medium blocks | runs of pages | states, spans, entries, bitmap |
//     arenas]
//
// Every part lies in the one reservation, no two overlap, and no file or device is mapped where the
// arrays are; so no table, however wrong, leads a reader elsewhere. Of the reservation only what is
// used is mapped.
//
// Source  abi/malloc_layout.h. It is found by its magic, at a multiple of 16 in the writable data
//         of any module, so also in static executables and where symbols were stripped.
// Errors  none: a table that does not hold is none, and a note says what of it does not.
#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "abi/malloc_layout.h"
#include "inspect/heap/anonymous.h"
#include "inspect/heap/peek.h"
#include "inspect/heap/strata/named_heaps.h"

namespace strata::strata_malloc {

/// Blocks of one kind, in units: each a span of one class.
struct Zone {
  Range blocks;
  Address states, spans, frontier;
  Address dirty, clean;  ///< bitmaps of units that are no span; 0 where the table is older
  unsigned unit_shift = 0, granule_shift = 0;
  bool is_small = false;

  Bytes unit() const { return Bytes{std::uint64_t{1} << unit_shift}; }
  std::uint64_t units() const { return blocks.size().value >> unit_shift; }
  std::uint64_t granules_of_unit() const {
    return std::uint64_t{1} << (unit_shift - granule_shift);
  }
  Address address_of(std::uint64_t number) const {
    return blocks.start + Bytes{number << unit_shift};
  }
};

/// Runs of whole pages.
struct Runs {
  Range pages;
  Address entries, dirty, frontier;
  Bytes page;  ///< the library's: the machine's may be smaller

  std::uint64_t count() const { return pages.size() / page; }
  Address address_of(std::uint64_t number) const { return pages.start + page * number; }
};

/// Whose an arena is, where the table says so.
struct ArenaUse {
  bool is_idle = false;  ///< its thread has ended, and none has taken it over
  pid_t thread = 0;      ///< that has it, or had it last; 0 where that is not known
};

struct Table {
  Address at;
  std::array<Zone, 2> zones;  ///< by address
  Runs runs;
  Range metadata;
  Range all;
  std::vector<Bytes> class_sizes;  ///< by class; class 0 is none
  abi::MallocLayout layout;        ///< offsets in spans, entries and arenas
  std::vector<Address> arenas;     ///< of threads, in the order in which they were made
  bool has_all_arenas = true;      ///< their list came to its end
  NamedHeaps named;
  std::vector<ArenaUse> uses;  ///< of these arenas; empty where the table is older
  Range own;  ///< variables that hold addresses of this heap's; empty where the table is older
  /// Its options of these names, milliseconds the latter; absent where the table is older.
  std::optional<std::uint64_t> background, decay;
  std::string evidence;

  Range states_of(const Zone& zone) const;
  Range spans_of(const Zone& zone) const;
  Range entries() const;
  Range dirty_bits() const;
  bool has_unit_bits(const Zone& zone) const { return zone.dirty.value != 0; }
  static Range unit_bits(const Zone& zone, Address bitmap) {
    return range_of(bitmap, Bytes{zone.units() / 8 + 8});
  }
  /// How many blocks of a class a unit has room for; 0 where the class is none of this zone's.
  std::uint64_t blocks_of(const Zone& zone, unsigned size_class) const;
};

/// How many units or pages were ever used: a frontier's word, never more than there are.
std::uint64_t read_frontier(const PresentMemory& memory, Address at, std::uint64_t most);

/// The first table that holds; what was recognised and does not hold, or is one too many, becomes a
/// note.
std::optional<Table> find_table(Peek& peek, const Space& space, std::vector<std::string>& notes);

}  // namespace strata::strata_malloc
