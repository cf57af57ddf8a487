// inspect/object/reach.h - what of a heap is reached from its roots, and what leaks hold each
// other.
//
//     roots ─▶ block ─▶ block ─▶ …        reached, by a pointer to its start or into it
//              block ─▶ block ─▶ …        a direct leak, and what it holds: indirect ones
//              block ⇄ block ─▶ …         a cycle that nothing else holds: its lowest block, by
//                                         number, stands for it and for what it holds
//
// Every word that could be a pointer is one: a number that happens to lead into the heap hides a
// leak, and never makes one.
//
// Cost    1/64 of the heap for what is reached; 4 bytes for each block that waits its turn.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "inspect/object/references.h"

namespace strata {

struct Count {
  std::uint64_t blocks = 0;
  Bytes bytes;  ///< of chunks
};

/// A block that nothing reaches, and that no other such block holds.
struct Leak {
  BlockNumber block;
  bool is_cycle = false;  ///< others that hold it are held by it
  Count indirect;         ///< what would be freed with it; of several that hold one, one has it
};

class Reach {
 public:
  Reach(const BlockMap& map, const References& references);

  /// A pointer that is a root.
  void add_root(BlockMap::Found found);
  /// Goes on from all roots until nothing new is found.
  void follow();

  bool is_reached(BlockNumber block) const { return reached_.first(block); }
  /// Live, reached, and by no pointer to its start.
  Count reached_from_within() const;
  Count live() const;

  struct Leaks {
    std::vector<Leak> direct;  ///< by address; at most kMostLeaks, but all are counted
    Count direct_count, indirect_count;
  };
  static constexpr std::size_t kMostLeaks = 1 << 20;
  Leaks find_leaks();

  /// From a root's block to `block`, each held by the one before it; empty where it is not reached.
  std::vector<BlockNumber> shortest_path(const std::vector<BlockNumber>& roots,
                                         BlockNumber block) const;

 private:
  /// Whether it was reached just now.
  bool mark(BlockMap::Found found);
  Count take_all_held_by(BlockNumber block);

  const BlockMap& map_;
  const References& references_;
  BitPairs reached_;  // and by a pointer to the start
  std::vector<BlockNumber> waiting_;
};

}  // namespace strata
