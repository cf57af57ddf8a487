// inspect/object/heap_reading.h - all of a target that is read to find its leaks, once and in
// order: the heap with what in it could be a pointer, mapped chunks, and what could be a root.
//
// While the target stands nothing is looked up that can be looked up later: words that lead to
// where a block can be are kept, and what they lead to is resolved when it runs again.
//
// Threads one at a time.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "base/grown_array.h"
#include "inspect/heap/glibc/fast_bins.h"
#include "inspect/object/leaks.h"
#include "inspect/object/reach.h"
#include "inspect/object/roots.h"
#include "inspect/page/read_ahead.h"
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
  glibc::Heap& heap() { return *heap_; }
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
  void walk();
  void read_mapped();
  void read_roots();
  template <class Seen>
  void read_all(const std::vector<Range>& ranges, ReadAhead::Prepare scan, Seen&& seen);

  const Target& target_;
  const PresentMemory& memory_;
  const LeakOptions& options_;
  Chart chart_;
  Space space_;
  std::optional<glibc::Heap> heap_;
  std::optional<BlockMap> map_;
  std::optional<References> references_;
  std::optional<Reach> reach_;
  std::unordered_map<BlockNumber, Step> first_steps_;
  std::optional<glibc::FastBins> fast_;
  std::vector<Range> lost_;  // in a heap, and not walked
  std::vector<RootRange> roots_;
  GrownArray<RootWord> root_words_;
  Bytes read_;
};

}  // namespace strata
