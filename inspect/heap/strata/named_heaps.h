// inspect/heap/strata/named_heaps.h - the named heaps (memory pools) of a Strata malloc.
//
//     newest ──▶ record ──▶ record ──▶ …      in the malloc's metadata, also of destroyed ones
//                 name, number, limit, its arena: the owner of its spans
//
// Source  abi/malloc_layout.h, malloc/heap.h. An older malloc's table does not lead to any.
// Units   bytes of blocks as they are.
// Errors  none: what leads out of the metadata, or in a ring, ends the list, and is said.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "abi/malloc_layout.h"
#include "inspect/heap/peek.h"

namespace strata::strata_malloc {

struct NamedHeap {
  Address at, arena;
  std::uint16_t number = 0;  ///< that its large blocks bear
  std::string name;          ///< any bytes
  std::uint64_t limit = 0;   ///< all bits set where there is none
  Bytes peak;
  std::uint64_t refused = 0;  ///< calls beyond the limit, or without memory
};

struct NamedHeaps {
  std::vector<NamedHeap> heaps;  ///< in the order in which their records were made
  std::set<Address> arenas;      ///< of all records: no thread's
  bool is_whole = true;          ///< the list came to its end
};

/// Whether what a table says of its named heaps can be followed; true where it has none.
bool heaps_hold(const abi::MallocLayout& layout);
NamedHeaps read_named_heaps(Peek& peek, const abi::MallocLayout& layout, Range metadata);

}  // namespace strata::strata_malloc
