// inspect/heap/glibc/fast_bins.h - which chunks stand in fast bins.
//
//     arena.fastbins[i] ─▶ chunk ─▶ chunk ─▶ … 0        fd, in the first word of the user's bytes
//
// They look in use, and only the lists tell. These lead to and fro through the heap, and can be
// millions long; so while chunks pass, in address order, what could be such a link is kept, and the
// lists are followed when all have passed. The few that were not kept are read.
//
// Cost    12 bytes for each chunk whose first word could be a link, for at most 32 Mi: next to none
//         but what is in the lists from 2.32 on; before, each small chunk that begins with a
//         pointer to another.
// Errors  none: what does not hold together is damage in the Heap, unless the lists moved.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "inspect/heap/glibc/chunk.h"
#include "inspect/heap/glibc/ground.h"
#include "inspect/heap/glibc/heap.h"
#include "inspect/heap/glibc/kept_chunks.h"

namespace strata::glibc {

class FastBins {
 public:
  /// Both must outlive it.
  FastBins(const PresentMemory& memory, Heap& heap);

  /// Forgets what passed.
  void begin();
  /// A chunk that is in no other list; `first_word` is the first of the user's bytes.
  void pass(const Chunk& chunk, std::uint64_t first_word) {
    if (has_any_ && chunk.range.size() <= kLargestFast) keep(chunk, first_word);
  }
  /// Marks what stands in the lists. What was not kept is read, or ends its list where the target
  /// has moved on.
  enum class Rest { kIsRead, kEnds };
  void follow(Rest rest = Rest::kIsRead);

  std::optional<std::string> note() const;

 private:
  static constexpr std::size_t kMost = std::size_t{1} << 25;
  static constexpr std::size_t kMostRead = 20'000;  // 40 ms at worst
  static constexpr std::uint32_t kEnd = ~std::uint32_t{0};

  struct Kept {
    std::uint32_t chunk, next;
    std::uint16_t size;  // in granules
    bool is_listed;
  };
  struct Link {
    Address next;  // 0 at the end of the list
    Bytes size;    // of the chunk
  };

  void keep(const Chunk& chunk, std::uint64_t first_word);
  void follow(const Arena& arena, std::size_t bin, Rest rest);
  Link link_of(const Kept& kept) const;
  std::optional<Link> read_link(Address chunk, Rest rest);
  bool mark(Address chunk, std::size_t kept);

  const PresentMemory& memory_;
  Heap& heap_;
  Ground ground_;
  Range all_ground_;
  bool has_any_ = false;
  KeptChunks<Kept> kept_;
  std::size_t read_ = 0;
  bool is_cut_ = false;    // there were more than are kept
  bool is_short_ = false;  // and that ended a list
};

}  // namespace strata::glibc
