// inspect/heap/glibc/window.h - headers of chunks, read in bulk through one reused window.
// Where chunks lie close together the window grows and all of it is read; where they are large it
// shrinks again, and what lies between two headers is passed over. Only present pages are read.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "inspect/page/present_memory.h"

namespace strata::glibc {

class Window {
 public:
  struct Header {
    std::uint64_t previous;
    std::uint64_t size;
  };

  explicit Window(const PresentMemory& memory) : memory_(memory) {}

  /// The header of the chunk at `at`, a multiple of 16; null where it is not resident. Good until
  /// the next call. `limit` is where reading ends at the latest.
  const Header* header(Address at, Address limit) {
    if (at < part_.start || at + Bytes{sizeof(Header)} > part_.end) {
      if (!move_to(at, limit)) return nullptr;
    }
    return &headers_[(at - start_).value / sizeof(Header)];
  }

  /// The first address from `at` on that is resident; `limit` where there is none before it.
  Address next_resident(Address at, Address limit) const;

  Bytes bytes_read() const { return bytes_read_; }

 private:
  bool move_to(Address at, Address limit);
  bool find_part(Address at);

  const PresentMemory& memory_;
  std::vector<Header> headers_;  // from start_ on
  Address start_, end_;
  std::vector<Range> parts_;  // what of it is present
  Range part_;                // the one that was asked for last
  Bytes size_;
  Bytes bytes_read_;
};

}  // namespace strata::glibc
