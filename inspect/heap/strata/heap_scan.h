// inspect/heap/strata/heap_scan.h - reads the states, spans and entries of a Strata malloc's heap
// onto a tape, and counts them.
// Only what is present is read: of a span's blocks their bytes of state, never the blocks. What is
// read has a bound beside what the target has mapped, as mapped memory can be the same page over
// and over.
// Errors  none: what cannot be read has no blocks, and Tally::is_cut says that a bound was reached.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/progress.h"
#include "inspect/heap/strata/table.h"
#include "inspect/heap/strata/tally.h"
#include "inspect/heap/strata/tape.h"

namespace strata::strata_malloc {

/// What a walk found, to be looked at when it is over.
struct Contents {
  Table table;
  Tape tape;
  Tally tally;
  /// Frontiers when it was read, by zone, and of pages.
  std::array<std::uint64_t, 2> units{};
  std::uint64_t pages = 0;
  std::array<std::size_t, 2> ends_of_zones{};  ///< on the tape, behind a zone's last unit

  explicit Contents(Table found) : table(std::move(found)) {}
};

class HeapScan {
 public:
  /// `limit` bounds the bytes read.
  HeapScan(const PresentMemory& memory, Bytes limit, Contents& contents)
      : memory_(memory), limit_(limit), contents_(contents) {}

  /// All of it, from the beginning.
  void read(const Progress& progress);
  Bytes bytes_read() const { return bytes_read_; }

 private:
  struct Span;

  void read_zone(std::size_t zone, const Progress& progress);
  /// `states` may be null where `span` has no owner.
  void read_unit(const Zone& zone, std::size_t of, std::uint64_t number, const Span& span,
                 const std::uint8_t* states);
  void read_runs();
  void add_run(std::uint64_t pages, RunKind kind, std::uint16_t heap = 0);
  std::uint16_t heap_of_run(const std::byte* entry) const;
  void end_lost(std::uint64_t& lost);
  void add_free_run(std::uint64_t first, std::uint64_t pages);
  /// Of what was read last, from `from` on: what could not be is 0, and in no part.
  struct Piece {
    Range range;
    std::vector<std::byte> bytes;
    std::vector<Range> parts;

    bool has(Range wanted) const;
    const std::byte* at(Address address) const { return &bytes[(address - range.start).value]; }
  };
  bool read_piece(Range range, Piece& piece);
  Span span_at(const std::byte* record) const;

  const PresentMemory& memory_;
  const Bytes limit_;
  Contents& contents_;
  Bytes bytes_read_;
  std::vector<BlockState> blocks_;  // of the unit at hand
  // Named heaps as the table has them, counted from 1:
  std::map<Address, std::uint16_t> heaps_by_arena_;
  std::map<std::uint16_t, std::uint16_t> heaps_by_number_;
};

/// What of a heap is read at most: states are a sixteenth of it.
Bytes read_limit(const Space& space);

}  // namespace strata::strata_malloc
