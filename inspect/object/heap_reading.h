// inspect/object/heap_reading.h - all of a target that is read to find its leaks, once and in
// order: the heap with what in it could be a pointer, blocks that lie apart, and what could be a
// root.
//
// While the target stands nothing is looked up that can be looked up later: words that lead to
// where a block can be are kept, and what they lead to is resolved when it runs again.
//
// Threads one at a time.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/grown_array.h"
#include "inspect/object/heap_blocks.h"
#include "inspect/object/leaks.h"
#include "inspect/object/reach.h"
#include "inspect/object/roots.h"
#include "inspect/space/chart.h"
#include "inspect/space/shelf.h"
#include "inspect/space/space.h"

namespace strata {

class HeapReading {
 public:
  /// All must outlive it.
  HeapReading(const Target& target, const PresentMemory& memory, const LeakOptions& options)
      : target_(target), memory_(memory), options_(options) {}

  /// About what it takes to read a target; not too much, where most of that is no heap.
  static Bytes memory_needed(const Target& target);

  /// `standing` are the threads of a target that stands.
  Result<void> read(const std::vector<Thread>& standing, Shelf& shelf);
  /// What leads where, from all that was read; the target may run again.
  void resolve();

  const Space& space() const { return space_; }
  const HeapBlocks& blocks() const { return *blocks_; }
  const BlockMap& map() const { return *map_; }
  Reach& reach() { return *reach_; }
  Bytes bytes_read() const { return read_; }
  /// How each block that a root leads to is first reached; where `--why` asks for it.
  const std::unordered_map<BlockNumber, Step>& first_steps() const { return first_steps_; }

 private:
  /// A word that leads to where a block can be, and where it stands: in which root, by number.
  struct RootWord {
    std::uint64_t word;
    Address at;
    std::size_t number;
  };

  bool is_32_bit() const;
  void add_root(std::uint64_t word, Address at, const std::string& what);
  Result<void> find_blocks();
  void read_apart();
  void read_roots();

  const Target& target_;
  const PresentMemory& memory_;
  const LeakOptions& options_;
  Chart chart_;
  Space space_;
  std::unique_ptr<HeapBlocks> blocks_;
  std::optional<BlockMap> map_;
  std::optional<References> references_;
  std::optional<Reach> reach_;
  std::unordered_map<BlockNumber, Step> first_steps_;
  std::vector<RootRange> roots_;
  GrownArray<RootWord> root_words_;
  Bytes read_;
};

}  // namespace strata
