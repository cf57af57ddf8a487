// inspect/heap/glibc/bin_check.h - whether every free chunk stands where it must: in one bin, the
// one for its size, led to and back, in order, and with the bin marked as one that holds something.
//
//     bin ⇄ chunk ⇄ chunk ⇄ chunk ⇄ bin                 fd, bk
//             ├─────────────▶ │                          fd_nextsize: to the first of the next
//             size, ◀────────────── ┤                          in large bins alone, a ring without
//             the bin
//
// What the walk finds free is kept, so that the lists are followed without the target: it runs
// again by then.
//
// Cost    28 bytes a free chunk, 12 more for large ones, for at most 8 Mi; a search among them for
//         each link.
// Source  glibc malloc/malloc.c (do_check_malloc_state, do_check_free_chunk, _int_malloc's
// sorting). Errors  none: Heap's damage, and a note where there were more than are kept. Threads
// one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "inspect/heap/glibc/ground.h"
#include "inspect/heap/glibc/heap.h"
#include "inspect/heap/glibc/window.h"
#include "inspect/page/present_memory.h"

namespace strata::glibc {

class BinCheck {
 public:
  /// `heap` must outlive it, and is told of damage.
  BinCheck(const PresentMemory& memory, Heap& heap)
      : memory_(memory), heap_(heap), ground_(heap.ground) {}

  /// Forgets what it kept and reads the heads of all bins anew.
  void begin();
  /// All chunks in address order, those that are free to be kept.
  void pass(std::size_t arena, const Chunk& chunk, Window& window);
  /// The next chunk that passes is the first of a region.
  void begin_region() { last_ = {}; }
  /// After the last chunk, of memory that moved: what was moved between meanwhile is not followed.
  void leave_out_moved();
  /// Follows all bins. Reads nothing.
  void check();
  std::vector<std::string> notes() const;

 private:
  // A link is a chunk's number, or one of these and the number of a bin, or leads nowhere.
  static constexpr std::uint32_t kBin = Ground::kNumbers;
  static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};
  static constexpr std::size_t kMost = std::size_t{1} << 23;

  struct Free {
    std::uint32_t chunk, arena;
    std::uint32_t size, before, after;  // of it and its neighbours, in granules
    std::uint32_t forth, back;
  };
  struct Sizes {  // the links of a large one
    std::uint32_t chunk, forth, back;
  };
  struct Heads {
    bool can_be_followed = false;  // they were read, and all of the arena was walked
    std::array<std::uint32_t, Layout::kBins> forth, back;
    std::array<std::uint32_t, 4> map;
    bool operator==(const Heads&) const = default;
  };
  Heads read_heads(const Arena& arena) const;
  std::uint32_t link_of(const Arena& arena, std::uint64_t word) const;
  const Free* find(std::uint32_t chunk) const;
  const Sizes* find_sizes(std::uint32_t chunk) const;
  std::string name_of(std::uint32_t link) const;
  Neighbours around(const Free& chunk) const;
  bool follow(std::size_t arena, std::size_t bin);
  bool check_sizes(const Arena& arena, std::size_t bin, const std::vector<std::uint32_t>& firsts);
  void report_unlisted();
  bool report(const Arena& arena, std::size_t bin, std::uint32_t link, Bytes field,
              std::string what, const char* cause);

  const PresentMemory& memory_;
  Heap& heap_;
  Ground ground_;
  std::vector<Heads> heads_;  // by arena
  std::vector<Free> free_;    // by chunk
  std::vector<Sizes> sizes_;  // by chunk
  std::vector<bool> seen_;    // of free_, in a bin
  Chunk last_;
  bool is_cut_ = false;
};

}  // namespace strata::glibc
