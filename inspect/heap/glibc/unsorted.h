// inspect/heap/glibc/unsorted.h - which free chunks stand in an unsorted bin, and not yet in the
// bin for their size.
//
//     arena.bins[1] ─▶ chunk ─▶ chunk ─▶ … ─▶ arena.bins[1]       fd
//
// No chunk says that of itself; the list does, and a program can have millions in it. So while
// chunks pass where each leads is kept, and the lists are followed when they have passed, without
// the target.
//
// Cost    12 bytes a free chunk, for at most 8 Mi.
// Errors  none: a list that turns back is damage in the Heap; beyond the limit there is a note.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "inspect/heap/glibc/chunk.h"
#include "inspect/heap/glibc/ground.h"
#include "inspect/heap/glibc/heap.h"
#include "inspect/heap/glibc/kept_chunks.h"
#include "inspect/heap/glibc/tally.h"

namespace strata::glibc {

class Unsorted {
 public:
  /// Both must outlive it; `heap` is told of damage.
  Unsorted(const PresentMemory& memory, Heap& heap)
      : memory_(memory), heap_(heap), ground_(heap.ground) {}

  /// Forgets what passed.
  void begin();
  /// The chunks that pass from now on are `arena`'s.
  void begin_region(std::size_t arena) { regions_.push_back({kept_.size(), arena}); }
  /// A free chunk, by address; `forth` is where it leads.
  void pass(const Chunk& chunk, Address forth) {
    const auto number = ground_.number_of(chunk.range.start);
    if (!number || kept_.size() >= kMost) {
      is_cut_ = true;
      return;
    }
    kept_.push_back({*number, ground_.number_of(forth).value_or(kNowhere),
                     static_cast<std::uint32_t>(chunk.range.size() / Ground::kGranule)});
  }
  /// When all have passed, while the target may be read.
  void settle();
  /// Tells `tally` of those that are in the lists. Reads nothing.
  void follow(Tally& tally);

  std::optional<std::string> note() const;

 private:
  static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};
  static constexpr std::size_t kMost = std::size_t{1} << 23;

  struct Kept {
    std::uint32_t chunk, forth, size;  // in granules
  };
  std::size_t arena_of(std::size_t kept) const;
  void report(const Arena& arena, std::uint32_t from, std::uint32_t to, const char* how) const;

  const PresentMemory& memory_;
  Heap& heap_;
  Ground ground_;
  struct Region {
    std::size_t first, arena;
  };
  KeptChunks<Kept> kept_;
  std::vector<Region> regions_;  // of these
  std::vector<bool> stood_;      // by arena: its list still begins as it did
  bool is_cut_ = false;
};

}  // namespace strata::glibc
