// inspect/heap/glibc/links.h - where the list that a free chunk stands in goes on.
//
//     [prev_size][size][fd][bk] …         fd alone in a fast bin, both in the other bins
//
// Lists lead to and fro through the heap. A short one is followed through memory, at a read for
// each page; a program can have millions of chunks in one, and then all chunks are walked once, in
// address order and in bulk, and what could be a link is kept.
//
// Threads one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "inspect/heap/glibc/ground.h"
#include "inspect/heap/glibc/heap.h"

namespace strata::glibc {

struct Link {
  Address next;                 ///< 0 at the end of a fast bin's list
  std::optional<Bytes> size;    ///< of the chunk, where it was read
  std::optional<Address> back;  ///< in bins, where it was read
};

class Links {
 public:
  enum class List { kFast, kBin };
  virtual ~Links() = default;
  /// Of the chunk at `chunk`; absent where it cannot be read, or was not kept.
  virtual std::optional<Link> of(Address chunk, List list) = 0;
};

/// Reads them as they are asked for, a limited number of them.
class ReadLinks final : public Links {
 public:
  ReadLinks(Peek& peek, Linking linking) : peek_(peek), linking_(linking) {}
  std::optional<Link> of(Address chunk, List list) override;
  /// Whether some were refused: lists are too long to be read so.
  bool gave_up() const { return asked_ > kMost; }

 private:
  static constexpr std::size_t kMost = 20'000;  // 40 ms at worst

  Peek& peek_;
  Linking linking_;
  std::size_t asked_ = 0;
};

/// Walks all chunks of `heap` and keeps what could be links: 8 bytes each, for at most 32 Mi.
class KeptLinks final : public Links {
 public:
  KeptLinks(const PresentMemory& memory, Heap& heap);
  std::optional<Link> of(Address chunk, List list) override;
  /// Whether there were more than are kept.
  bool is_cut() const { return is_cut_; }
  Bytes bytes_read() const { return bytes_read_; }

 private:
  /// Chunks by how many granules of the heap's ground lie before them.
  struct Kept {
    std::uint32_t chunk, next;
  };
  static constexpr std::size_t kMost = std::size_t{1} << 25;
  static constexpr std::uint32_t kEnd = ~std::uint32_t{0};  // a list's end, or a bin's head

  void keep(Address chunk, Address next);

  const Heap& heap_;
  Ground ground_;
  std::vector<Kept> kept_;  // by chunk
  bool is_cut_ = false;
  Bytes bytes_read_;
};

}  // namespace strata::glibc
