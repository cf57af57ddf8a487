// inspect/heap/strata/heap_scan.h - reads the states, spans and entries of a Strata malloc's heap
// onto a tape, and counts them.
// Only what is present is read: of a span's blocks their bytes of state, never the blocks. What is
// read has a bound beside what the target has mapped, as mapped memory can be the same page over
// and over.
// Errors  none: what cannot be read has no blocks, and Tally::is_cut says that a bound was reached.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/progress.h"
#include "inspect/heap/heap_reader.h"
#include "inspect/heap/strata/damage.h"
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
  bool was_checked = false;                    ///< that `damage` was looked for
  DamageBook damage;

  explicit Contents(Table found) : table(std::move(found)) {}
};

class HeapScan {
 public:
  using Depth = HeapScene::Depth;

  /// `limit` bounds the bytes read.
  HeapScan(const PresentMemory& memory, Bytes limit, Contents& contents, Depth depth = Depth::kWalk)
      : memory_(memory), limit_(limit), contents_(contents), depth_(depth) {}

  /// All of it, from the beginning.
  void read(const Progress& progress);
  Bytes bytes_read() const { return bytes_read_; }

 private:
  bool checks() const { return depth_ == Depth::kCheck; }
  void read_zone(std::size_t zone, const Progress& progress);
  void read_unit(std::size_t of, const UnitSight& sight);
  void read_span(std::size_t of, const UnitSight& sight, Unit unit);
  void count_span(std::size_t of, const Unit& unit, Address owner, const ByState& sum);
  Bytes pinned_bytes(Bytes block) const;
  void read_runs();
  void note_owners();
  void add_run(std::uint64_t pages, RunKind kind, std::uint16_t heap = Run::kNoHeap);
  std::uint16_t heap_of_run(const std::byte* entry) const;
  void end_lost(std::uint64_t& lost);
  void add_free_run(std::uint64_t first, std::uint64_t pages);
  void check_free_run(std::uint64_t first, std::uint64_t pages);
  void check_not_free(std::uint64_t first, std::uint64_t pages);
  void report_entry(std::uint64_t page, std::string what);
  /// Of what was read last, from `from` on: what could not be is 0, and in no part.
  struct Piece {
    Range range;
    std::vector<std::byte> bytes;
    std::vector<Range> parts;

    bool has(Range wanted) const;
    const std::byte* at(Address address) const { return &bytes[(address - range.start).value]; }
  };
  bool read_piece(Range range, Piece& piece);
  /// The word of a bitmap at `bit`, of up to `end` bits; 0 where it is not there.
  std::uint64_t word_of(Address bitmap, std::uint64_t bit, std::uint64_t end, Piece& piece);
  SpanRecord span_at(const std::byte* record) const;

  const PresentMemory& memory_;
  const Bytes limit_;
  Contents& contents_;
  const Depth depth_;
  Bytes bytes_read_;
  struct Owner {
    Unit::OwnedBy kind;
    std::uint16_t place;
  };
  std::unordered_map<std::uint64_t, Owner> owners_;         // of spans, by their arena's address
  std::unordered_map<std::uint16_t, std::uint16_t> heaps_;  // places of named ones, by number
  std::vector<BlockState> blocks_;                          // of the unit at hand
  Piece dirty_pages_;                                       // of the bitmap
};

/// What speaks against what was read, a sentence each; whether the target `stands` still.
std::vector<std::string> notes_on(const Contents& contents, bool stands);

/// What of a heap is read at most: states are a sixteenth of it.
Bytes read_limit(const Space& space);

}  // namespace strata::strata_malloc
