// inspect/heap/glibc/layout.h - where the glibc at hand keeps its arenas, deduced from what holds.
//
//     malloc_state   [mutex flags …][top][last_remainder][bins: 127 pairs][binmap][next] …
//                     └── head ────┘│                     │
//                                   bins - 16             the offset that is deduced
//
// What stands around the bins has not moved since glibc 2.3; only the head before them changed
// (2.24 to 2.26: 104 bytes to the bins, 2.27 to 2.42: 112, 2.43: 24). So no version is asked: the
// bins are found by what they must be, and the head is what makes the ring of arenas close.
//
// Source  glibc malloc/malloc.c (malloc_state).
// Errors  none: an arena that does not hold together is not found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/peek.h"

namespace strata::glibc {

struct Layout {
  Bytes bins;  ///< offset of the first bin in malloc_state

  Bytes top() const { return bins - 16_B; }
  Bytes last_remainder() const { return bins - 8_B; }
  Bytes next() const { return bins + kBinBytes + kBinmapBytes; }
  Bytes attached_threads() const { return next() + 16_B; }
  Bytes system_mem() const { return next() + 24_B; }
  /// Of all of malloc_state, which ends with max_system_mem.
  Bytes size() const { return system_mem() + 16_B; }

  /// Gone with 2.43, whose head has no room for them.
  bool has_fast_bins() const { return bins >= 16_B + Bytes{kFastBins * 8} + 8_B; }
  Bytes fast_bins() const { return top() - Bytes{kFastBins * 8}; }

  static constexpr std::size_t kBins = 127;  ///< the first one is of unsorted chunks
  static constexpr std::size_t kFastBins = 10;
  static constexpr Bytes kBinBytes = Bytes{kBins * 16};
  static constexpr Bytes kBinmapBytes = 16_B;
};

/// A link that does not lead where it must.
struct BrokenLink {
  Address at;
  std::uint64_t leads_to;
};

/// The malloc_state in a C library's static data, and the ring that leads through all others.
struct MainArena {
  Address state;
  Layout layout;
  Address top;
  bool contiguous = true;       ///< false once a mapping had to stand in for brk
  Bytes system_mem;             ///< what this arena says it got from the system
  std::vector<Address> others;  ///< oldest first
  std::string evidence;
  /// Where the ring of arenas does not close; `others` are then those that their sub-heaps name.
  std::optional<BrokenLink> ring_break;
  std::optional<BrokenLink> bin_break;  ///< of its bins, the first one that does not hold
};

/// Every main arena that is in use; more than one where dlmopen loaded another C library.
std::vector<MainArena> find_main_arenas(Peek& peek, const Space& space,
                                        const AnonymousMemory& memory,
                                        const std::vector<StaticWords>& statics);

/// Whether the ring that `main` leads to at `next` comes back to it over arenas alone.
bool closes_ring(Peek& peek, Address main, Layout layout, Address next);

}  // namespace strata::glibc
