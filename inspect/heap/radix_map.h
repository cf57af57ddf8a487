// inspect/heap/radix_map.h - an allocator's map from pages to what owns them, found by closure.
// jemalloc and tcmalloc keep a radix tree in static data whose leaves lead from a page's number to
// a record that says where its extent begins and ends. The way there and back must agree, so the
// tree is found without symbols:
//
//     .bss  root ─► [node ─►] leaf ─► record {first page, pages}
//           └────────── index ◄──────────┘
//
// Errors  none: what does not agree is not there. A tree caught while it changes is found by the
//         rest of it.
// Threads one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/peek.h"

namespace strata {

/// How the number of a page is cut into indices, from the root down.
struct RadixShape {
  unsigned page_bits;            ///< log2 of the allocator's page
  std::array<unsigned, 3> bits;  ///< of each level; the first is 0 where there are only two
  std::size_t entry_words;       ///< of a leaf's entry
  Bytes alignment;               ///< of nodes and leaves

  unsigned root_level() const { return bits[0] == 0 ? 1 : 0; }
  Bytes root_size() const { return Bytes{8} * (std::uint64_t{1} << bits[root_level()]); }
  std::uint64_t leaf_entries() const { return std::uint64_t{1} << bits[2]; }
  Bytes leaf_size() const { return Bytes{8 * entry_words} * leaf_entries(); }
};

/// An extent as its record has it, in the allocator's pages.
struct OwnedPages {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  Address record;
};

/// The words of one leaf entry, and the record it leads to; nothing where it leads nowhere sound.
using ReadOwner =
    std::function<std::optional<OwnedPages>(Peek& peek, std::span<const std::uint64_t> entry)>;

struct RadixLeaf {
  Address address;
  std::uint64_t first_page = 0;
};

struct RadixMap {
  RadixShape shape;
  Address root;
  std::vector<RadixLeaf> leaves;  ///< by page
  std::vector<Address> nodes;     ///< of a middle level
};

/// The map with the most leaves whose root lies in static data, if there is one.
std::optional<RadixMap> find_radix_map(Peek& peek, const HeapScene& scene,
                                       const AnonymousMemory& memory, RadixShape shape,
                                       const ReadOwner& owner);

/// Calls `sink` for each extent that begins in `leaf` and whose first entry leads to its record,
/// with the words of that entry. The number of first entries that led nowhere sound.
std::size_t walk_leaf(
    Peek& peek, const HeapScene& scene, const RadixShape& shape, const RadixLeaf& leaf,
    const ReadOwner& owner,
    const std::function<void(const OwnedPages&, std::span<const std::uint64_t>)>& sink);

}  // namespace strata
