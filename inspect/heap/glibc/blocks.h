// inspect/heap/glibc/blocks.h - glibc's regions with their insides, as claims of the ledger.
//
// What stands in fast bins is known when all chunks have passed, so they pass twice: once as they
// are read, onto a tape, and from there as claims.
//
//     chunks   [live][live][fast][  binned        ][live][cached][top          ]
//     claims   [live      ][     free             ][live][cache ][top          ]
//              │           │pinned│ releasable│pin.│                           │
//
// Neighbours of one account are one claim. Free memory is told apart by what malloc_trim(0) would
// do with it: that first joins fast chunks with what is free beside them, then gives back the whole
// pages behind the first 48 bytes of each free run, and of the main arena's top all but its last
// bytes; of other arenas' tops nothing, and of threads' caches nothing.
//
// Source  glibc malloc/malloc.c (mtrim, systrim, malloc_consolidate).
// Threads one at a time.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "inspect/heap/glibc/bin_check.h"
#include "inspect/heap/glibc/chunk_tape.h"
#include "inspect/heap/glibc/chunk_walk.h"
#include "inspect/heap/glibc/fast_bins.h"
#include "inspect/heap/glibc/neighbours.h"
#include "inspect/heap/glibc/tally.h"
#include "inspect/heap/glibc/unsorted.h"
#include "inspect/heap/heap_walk.h"

namespace strata::glibc {

/// What a walk found, to be looked at when it is over.
struct Contents {
  Heap heap;
  Tally tally;
  ChunkTape tape;

  /// All chunks, in the order in which they were walked.
  ChunkTape::Player chunks() const { return ChunkTape::Player(tape, heap.fast); }

  explicit Contents(Heap found) : heap(std::move(found)), tally(heap.arenas.size()) {}
};

class Blocks final : public HeapWalk {
 public:
  /// What `scene` refers to must outlive it.
  Blocks(const HeapScene& scene, std::shared_ptr<Contents> contents);

  void read(const Progress& progress) override;
  void settle() override;
  bool next(Claim& claim) override;
  void rewind() override;
  void conclude() override;
  std::vector<std::string> notes() const override;
  Bytes bytes_read() const override { return window_.bytes_read(); }

 private:
  /// The accounts of one arena.
  struct Accounts {
    AccountId live, cached, structures, reserved, lost;
    struct Free {
      AccountId releasable, pinned;
    } fast, binned, top;
  };
  struct Place {
    std::size_t arena;
    const Region* region;
    EvidenceId evidence;
    bool top_is_trimmed;  ///< by brk, as the top ends where brk does
  };

  void open_region();
  void play_on();
  void close_region();
  void put(const Chunk& chunk);
  void put_top(const Chunk& chunk);
  void end_run(Range releasable, const Chunk& after);
  void put_free(Range range, const Accounts::Free& accounts, Range releasable);
  void emit(Range range, AccountId account);

  std::shared_ptr<Contents> contents_;
  Window window_;
  std::vector<Accounts> accounts_;  // by arena
  std::vector<Place> places_;       // by address
  std::size_t place_ = 0;
  std::optional<ChunkTape::Player> player_;  // once all is recorded
  Address at_;                               // how far the region is played
  bool is_open_ = false;                     // a region
  std::vector<Chunk> run_;                   // free neighbours that malloc_trim would join
  Chunk before_run_;
  Chunk last_;
  std::vector<Claim> ready_;
  std::size_t taken_ = 0;
  NeighbourWatch watch_;
  FastBins fast_;
  Unsorted unsorted_;
  std::optional<BinCheck> bin_check_;  // where everything is to be checked
  bool stands_;                        // what is read is of one moment
  Heap::Reported before_;              // by others than the walk
};

}  // namespace strata::glibc
