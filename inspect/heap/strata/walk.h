// inspect/heap/strata/walk.h - the Strata malloc's zones and runs with their insides, as claims of
// the ledger.
//
//     span     [live][live][cached][free][free][free       ][never cut      | end]
//     claims   [live      ][cache ][ free     │ free       ][never cut      | end]
//                                  │  pinned  │ releasable │ …                        by pages
//
// Neighbours of one account are one claim. Free memory is told apart by what malloc_trim(0) would
// do with it: it gives back units of no span, free runs, and of spans those pages on which there
// are free blocks alone, whole; of what threads cache nothing. What a unit has behind its last
// block, too short for another, is "span ends".
//
// What is of a named heap stands in accounts of its name; on its shelves its free blocks are as
// free as in spans, for malloc_trim(0) empties them.
//
// Source  malloc/arena.cc (purge_span), malloc/zone.cc, malloc/page_heap.cc.
// Threads one at a time.
#pragma once

#include <memory>
#include <vector>

#include "inspect/heap/heap_walk.h"
#include "inspect/heap/strata/player.h"

namespace strata::strata_malloc {

/// What a heap's accounts stand below, in heap / strata / named heaps.
const char* account_of(const NamedHeap& heap, std::size_t place);

class Walk final : public HeapWalk {
 public:
  /// What `scene` refers to must outlive it.
  Walk(const HeapScene& scene, std::shared_ptr<Contents> contents);

  void read(const Progress& progress) override;
  void settle() override { rewind(); }
  bool next(Claim& claim) override;
  void rewind() override;
  std::vector<std::string> notes() const override;
  Bytes bytes_read() const override { return scan_.bytes_read(); }

 private:
  struct Free {
    AccountId releasable, pinned;
  };
  struct SpanAccounts {
    AccountId live, cached, uncut, ends;
    Free free;
  };
  struct ZoneAccounts {
    SpanAccounts spans;
    AccountId dirty_units, clean_units;
  };
  struct HeapAccounts {
    SpanAccounts spans;
    AccountId runs;
  };

  void play(const Part& part);
  void put_span(const Part& span);
  void put_free(Range free, const SpanAccounts& accounts);
  AccountId account_of_run(const Part& run) const;
  void open_heaps(Chart& chart, AccountId strata);
  void emit(Range range, AccountId account);
  void emit_mapped(Range range, AccountId account);

  std::shared_ptr<Contents> contents_;
  bool stands_;
  HeapScan scan_;
  EvidenceId evidence_;
  std::array<ZoneAccounts, 2> zones_;
  std::vector<HeapAccounts> heaps_;  // of named ones, as the table's
  AccountId live_runs_, dirty_runs_, clean_runs_, lost_runs_;

  Player player_;
  bool is_over_ = false;
  std::vector<Range> mapped_;  // of the reservation, by address
  std::size_t part_ = 0;       // of these
  std::vector<Claim> ready_;
  std::size_t taken_ = 0;
};

}  // namespace strata::strata_malloc
