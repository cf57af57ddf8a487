// inspect/object/heap_blocks.h - the seam between an allocator's heap and the search for leaks:
// where blocks can be, which of them are live, and what memory is the allocator's own.
//
//     ground()          the map of blocks is made for it
//     read()            the target stands: blocks' words become references; chunks, where they are
//                       met on the way, stand in the map
//     settle()          it runs again: the rest of them
//     own(), lost()     what is no root, and what is one though it lies in the heap
//
// Threads one at a time; scan() of References is called by two.
#pragma once

#include <sys/types.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inspect/object/block_map.h"
#include "inspect/object/references.h"
#include "inspect/page/read_ahead.h"
#include "inspect/space/space.h"

namespace strata {

class HeapBlocks {
 public:
  HeapBlocks() = default;
  HeapBlocks(const HeapBlocks&) = delete;
  HeapBlocks& operator=(const HeapBlocks&) = delete;
  virtual ~HeapBlocks() = default;

  /// Whose it is: "glibc's heap".
  virtual std::string_view name() const = 0;
  virtual BlockGround ground() const = 0;
  /// Shared ground alone. How much was read.
  virtual Bytes read(BlockMap& map, References& references) = 0;
  virtual void settle(BlockMap& map) = 0;

  /// In any order.
  virtual std::vector<Range> own() const = 0;
  /// Where blocks may be that were not made out; after read().
  virtual std::vector<Range> lost() const = 0;
  /// Threads in the kernel, where the C library called it.
  virtual std::vector<pid_t> waiting() const = 0;
  /// What speaks against the result, a sentence each.
  virtual std::vector<std::string> notes() const = 0;
};

/// By slot of pieces that are read ahead.
using ReferenceBatches = std::array<References::Batch, ReadAhead::kPieces>;

/// Puts into `batch` what the words of a piece of shared ground lead to.
void scan_piece(const References& references, const Piece& piece, References::Batch& batch);

/// Calls `scan` with each piece of `ranges` where it is read, then `seen` in order; how much that
/// was.
template <class Seen>
Bytes read_pieces(const PresentMemory& memory, std::vector<Range> ranges, ReadAhead::Prepare scan,
                  Seen&& seen) {
  Bytes bytes;
  ReadAhead ahead(memory, std::move(ranges), std::move(scan));
  for (auto next = ahead.next(); next.piece != nullptr; next = ahead.next()) {
    seen(*next.piece, next.slot);
    for (const Range& part : next.piece->parts) bytes += part.size();
  }
  return bytes;
}

/// `bytes`, which begin at a multiple of 8.
inline std::span<const std::uint64_t> words_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint64_t*>(bytes.data()), bytes.size() / 8};
}

}  // namespace strata
