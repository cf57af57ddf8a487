#include "inspect/heap/radix_map.h"

#include <algorithm>
#include <memory>
#include <set>

namespace strata {
namespace {

// Pointers in one segment's static data that are tried as a root's entry.
constexpr std::size_t kTrials = 4096;
// Words behind such a pointer that must be as a root's.
constexpr std::size_t kNeighbours = 32;
// What is read in search of a root, before one is found.
constexpr Bytes kSearchLimit = 16_MiB;
// Entries of a leaf that are tried before it is taken for something else.
constexpr std::size_t kEntriesTried = 64;
constexpr Bytes kLeafWindow = 64_KiB;
constexpr std::size_t kLeafLimit = 65536;
// The largest static data that is looked at; a root is at most 2 MiB.
constexpr Bytes kStaticLimit = 64_MiB;

/// Static data as the parts of it that are present.
struct Piece {
  Address start;
  std::vector<std::uint64_t> words;
};

std::vector<Piece> read_present(Peek& peek, const HeapScene& scene, Range range) {
  std::vector<Piece> pieces;
  auto parts = scene.memory.present(range);
  if (!parts) return pieces;
  for (const Range& part : *parts) {
    Piece piece{part.start, std::vector<std::uint64_t>(part.size() / 8_B)};
    if (!peek.read_words(part.start, piece.words)) break;
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

class Finder {
 public:
  Finder(Peek& peek, const HeapScene& scene, const AnonymousMemory& memory, RadixShape shape,
         const ReadOwner& owner)
      : peek_(peek),
        scene_(scene),
        memory_(memory),
        shape_(shape),
        owner_(owner),
        read_before_(peek.bytes_read()) {}

  std::optional<RadixMap> find_in(Range segment) {
    const auto pieces = read_present(peek_, scene_, segment);
    std::set<Address> tried;
    std::size_t trials = 0;
    for (const Piece& piece : pieces) {
      for (std::size_t i = 0; i < piece.words.size(); ++i) {
        const Address child{piece.words[i]};
        if (!could_be_child(child, shape_.root_level()) || !may_be_in_root(piece.words, i)) {
          continue;
        }
        if (!tried.insert(child).second) continue;
        if (++trials > kTrials || searched_enough()) return std::nullopt;
        const auto page = page_below(child, shape_.root_level() + 1);
        if (!page) continue;
        const Address at = piece.start + Bytes{i * 8};
        const std::uint64_t index = *page >> bits_below(shape_.root_level());
        if (index * 8 > (at - segment.start).value) continue;
        const Address root = at - Bytes{index * 8};
        if (!segment.contains(range_of(root, shape_.root_size()))) continue;
        if (auto map = read_from(root, pieces)) return map;
      }
    }
    return std::nullopt;
  }

 private:
  bool searched_enough() const { return peek_.bytes_read() - read_before_ > kSearchLimit; }

  unsigned bits_below(unsigned level) const {
    unsigned sum = 0;
    for (unsigned i = level + 1; i < shape_.bits.size(); ++i) sum += shape_.bits[i];
    return sum;
  }

  Bytes child_size(unsigned level) const {
    return level == 1 ? shape_.leaf_size() : Bytes{8} * (std::uint64_t{1} << shape_.bits[1]);
  }

  bool could_be_child(Address child, unsigned level) const {
    if (child.value < 4096 || child.value % shape_.alignment.value != 0) return false;
    const auto run = memory_.find_writable(child);
    return run && run->contains(range_of(child, child_size(level)));
  }

  /// Whether what follows the `i`th word is as in a root, where all that is not 0 is a child. No
  /// address that a process has belongs to a root's last entries. Costs no read, and rules out
  /// nearly all pointers of a program's static data, which stand among numbers.
  bool may_be_in_root(std::span<const std::uint64_t> words, std::size_t i) const {
    const auto behind =
        words.subspan(i + 1, std::min<std::size_t>(kNeighbours, words.size() - i - 1));
    return std::all_of(behind.begin(), behind.end(), [&](std::uint64_t word) {
      return word == 0 || could_be_child(Address{word}, shape_.root_level());
    });
  }

  /// The number of a page that the node at `at`, of `level`, is there for: the way down to any
  /// record whose own page numbers lead by the same indices back up.
  std::optional<std::uint64_t> page_below(Address at, unsigned level) {
    return level == 2 ? page_of_leaf(at) : page_of_node(at);
  }

  std::optional<std::uint64_t> page_of_leaf(Address leaf) {
    std::optional<std::uint64_t> page;
    std::size_t tried = 0;
    each_entry(leaf, [&](std::uint64_t index, std::span<const std::uint64_t> entry) {
      const auto owned = owner_(peek_, entry);
      if (owned && owned->count > 0) {
        const std::uint64_t mask = shape_.leaf_entries() - 1;
        std::uint64_t number = (owned->first & ~mask) | index;
        if (number < owned->first) number += shape_.leaf_entries();
        if (number - owned->first < owned->count) page = number;
      }
      return !page && ++tried < kEntriesTried;
    });
    return page;
  }

  std::optional<std::uint64_t> page_of_node(Address node) {
    std::optional<std::uint64_t> page;
    std::size_t tried = 0;
    each_record(range_of(node, child_size(0)), 1, [&](std::uint64_t index, auto words) {
      const Address leaf{words[0]};
      if (!could_be_child(leaf, 1) || ++tried > kEntriesTried) return false;
      const auto number = page_of_leaf(leaf);
      const std::uint64_t mask = (std::uint64_t{1} << shape_.bits[1]) - 1;
      if (number && ((*number >> shape_.bits[2]) & mask) == index) page = number;
      return !page;
    });
    return page;
  }

  using Visit = std::function<bool(std::uint64_t index, std::span<const std::uint64_t> words)>;

  void each_entry(Address leaf, const Visit& visit) {
    each_record(range_of(leaf, shape_.leaf_size()), shape_.entry_words, visit);
  }

  /// The records of `size` words in what is present of `range` whose first word is not 0, until
  /// `visit` has seen enough.
  void each_record(Range range, std::size_t size, const Visit& visit) {
    auto parts = scene_.memory.present(range);
    if (!parts) return;
    const auto window = std::make_unique_for_overwrite<std::uint64_t[]>(kLeafWindow / 8_B);
    // Most of what is tried is no leaf or node, and its first page says so.
    Bytes step = 4_KiB;
    for (const Range& part : *parts) {
      for (Address at = part.start; at < part.end; step = std::min(step * 2, kLeafWindow)) {
        const std::span words(window.get(), std::min(step, part.end - at) / 8_B);
        if (!peek_.read_words(at, words)) return;
        for (std::size_t i = 0; i + size <= words.size(); i += size) {
          if (words[i] == 0) continue;
          const std::uint64_t index = ((at - range.start).value / 8 + i) / size;
          if (!visit(index, words.subspan(i, size))) return;
        }
        at = at + Bytes{words.size_bytes()};
      }
    }
  }

  /// Every leaf below `root`; nothing where an entry of it is no child, or a leaf leads elsewhere.
  std::optional<RadixMap> read_from(Address root, const std::vector<Piece>& pieces) {
    RadixMap map{shape_, root, {}, {}};
    const Range range = range_of(root, shape_.root_size());
    const unsigned level = shape_.root_level();
    for (const Piece& piece : pieces) {
      for (std::size_t i = 0; i < piece.words.size(); ++i) {
        const Address at = piece.start + Bytes{i * 8};
        if (piece.words[i] == 0 || !range.contains(at)) continue;
        const std::uint64_t index = (at - root) / 8_B;
        const Address child{piece.words[i]};
        if (!could_be_child(child, level)) return std::nullopt;
        const bool sound = level == 1 ? add_leaf(map, child, index) : add_node(map, child, index);
        if (!sound || map.leaves.size() > kLeafLimit) return std::nullopt;
      }
    }
    return map;
  }

  bool add_leaf(RadixMap& map, Address leaf, std::uint64_t number) {
    // A leaf that is still empty proves nothing and disproves nothing.
    const auto page = page_of_leaf(leaf);
    if (page && *page >> shape_.bits[2] != number) return false;
    map.leaves.push_back({leaf, number << shape_.bits[2]});
    return true;
  }

  bool add_node(RadixMap& map, Address node, std::uint64_t number) {
    map.nodes.push_back(node);
    for (const Piece& piece : read_present(peek_, scene_, range_of(node, child_size(0)))) {
      for (std::size_t i = 0; i < piece.words.size(); ++i) {
        const Address leaf{piece.words[i]};
        if (leaf.value == 0) continue;
        if (!could_be_child(leaf, 1) || map.leaves.size() > kLeafLimit) return false;
        const std::uint64_t index = (piece.start + Bytes{i * 8} - node) / 8_B;
        if (!add_leaf(map, leaf, (number << shape_.bits[1]) | index)) return false;
      }
    }
    return true;
  }

  Peek& peek_;
  const HeapScene& scene_;
  const AnonymousMemory& memory_;
  RadixShape shape_;
  const ReadOwner& owner_;
  Bytes read_before_;
};

}  // namespace

std::optional<RadixMap> find_radix_map(Peek& peek, const HeapScene& scene,
                                       const AnonymousMemory& memory, RadixShape shape,
                                       const ReadOwner& owner) {
  Finder finder(peek, scene, memory, shape, owner);
  std::optional<RadixMap> best;
  for (const Module& module : scene.space.modules) {
    for (const Segment& segment : module.segments) {
      // Few programs have static data as large as a root: most are out by this alone.
      const Range range{round_up(segment.range.start, 8_B), round_down(segment.range.end, 8_B)};
      if (!segment.writable || range.size() < shape.root_size()) continue;
      if (range.size() > kStaticLimit) continue;
      auto map = finder.find_in(range);
      if (map && (!best || map->leaves.size() > best->leaves.size())) best = std::move(map);
    }
  }
  return best;
}

std::size_t walk_leaf(
    Peek& peek, const HeapScene& scene, const RadixShape& shape, const RadixLeaf& leaf,
    const ReadOwner& owner,
    const std::function<void(const OwnedPages&, std::span<const std::uint64_t>)>& sink) {
  std::size_t unsound = 0;
  std::uint64_t known_until = 0;
  auto parts = scene.memory.present(range_of(leaf.address, shape.leaf_size()));
  if (!parts) return 0;
  std::vector<std::uint64_t> window(kLeafWindow / 8_B);
  for (const Range& part : *parts) {
    for (Address at = part.start; at < part.end;) {
      const Bytes size = std::min(kLeafWindow, part.end - at);
      const std::span words(window.data(), size / 8_B);
      if (!peek.read_words(at, words)) return unsound;
      for (std::size_t i = 0; i + shape.entry_words <= words.size(); i += shape.entry_words) {
        if (words[i] == 0) continue;
        const std::uint64_t index = ((at - leaf.address).value / 8 + i) / shape.entry_words;
        const std::uint64_t page = leaf.first_page + index;
        if (page < known_until) continue;
        const auto entry = words.subspan(i, shape.entry_words);
        const auto owned = owner(peek, entry);
        if (!owned || owned->count == 0 || owned->count > std::uint64_t{1} << 40) {
          ++unsound;
          continue;
        }
        // An entry within an extent, or one that was left behind, leads to a record that begins
        // elsewhere.
        if (owned->first != page) continue;
        known_until = page + owned->count;
        sink(*owned, entry);
      }
      at = at + size;
    }
  }
  return unsound;
}

}  // namespace strata
