// inspect/ledger/strata_figures.h - the Strata malloc's heap in figures: what its walk counted,
// beside what the ledger booked as resident. Sizes are of blocks, resident bytes of pages. Of a
// core nothing is known to be resident, so there what the file holds stands in its place. Threads
// one at a time.
#pragma once

#include "inspect/heap/strata/heap_scan.h"
#include "inspect/ledger/explanation.h"

namespace strata {

struct ZoneFigures {
  std::uint64_t units = 0;        ///< ever used
  std::uint64_t free_units = 0;   ///< of no span
  std::uint64_t clean_units = 0;  ///< of these, given back
  Bytes resident, live_resident, cached_resident;
  Bytes free_resident, releasable;  ///< free blocks in spans, and of that what is whole pages
  Bytes uncut_resident, ends_resident, free_units_resident;
  Bytes releasable_units;  ///< of these, not given back yet
};

struct StrataFigures {
  ZoneFigures small, medium;  ///< resident bytes are of no named heap's
  ZoneFigures named;          ///< spans of named heaps; units are none here
  Bytes named_runs_resident;  ///< large blocks of theirs, which are in runs_resident too
  strata_malloc::Count live, cached, free;  ///< blocks in spans, of all classes
  strata_malloc::Count runs;                ///< live ones
  Bytes runs_resident, free_runs, free_runs_resident;
  Bytes metadata_resident, states, spans, entries, dirty, arenas, units;
  Bytes mapped, resident, never_used_resident, not_walked;
  /// At most so much of the live bytes was not asked for.
  Bytes rounding_at_most;
  Bytes releasable;  ///< what malloc_trim(0) would give back
};

/// Of an explanation with a Strata malloc.
StrataFigures strata_figures(const Explanation& explanation);
/// At most so much of a live block was not asked for.
Bytes rounding_of_class(const strata_malloc::Table& table, std::size_t size_class);

}  // namespace strata
