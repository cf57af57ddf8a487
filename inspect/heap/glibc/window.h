// inspect/heap/glibc/window.h - headers of chunks, read in bulk through one reused window.
// Where chunks lie close together the window grows and all of it is read; where they are large it
// shrinks again, and what lies between two headers is passed over. Only present pages are read.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "inspect/page/present_memory.h"

namespace strata::glibc {

class Window {
 public:
  struct Header {
    std::uint64_t previous;
    std::uint64_t size;
  };

  /// Sees each part that is read, once and in address order.
  using Observer = std::function<void(Address from, std::span<const std::uint64_t> words)>;

  explicit Window(const PresentMemory& memory) : memory_(memory) {}
  /// One that passes over nothing: all that is present between the headers is read too.
  Window(const PresentMemory& memory, Observer observer)
      : memory_(memory), observer_(std::move(observer)) {}

  /// Where a region begins; what lies before it is not to be read.
  void begin_at(Address start) { observed_until_ = start; }

  /// The header of the chunk at `at`, a multiple of 16; null where it is not resident. Good until
  /// the next call. `limit` is where reading ends at the latest.
  const Header* header(Address at, Address limit) {
    if (at < part_.start || at + Bytes{sizeof(Header)} > part_.end) {
      if (!move_to(at, limit)) return nullptr;
    }
    return &headers_[(at - start_).value / sizeof(Header)];
  }

  /// As header(), but null where that would have to read.
  const Header* header_at_hand(Address at) const {
    if (at < part_.start || at + Bytes{sizeof(Header)} > part_.end) return nullptr;
    return &headers_[(at - start_).value / sizeof(Header)];
  }

  /// The first address from `at` on that is resident; `limit` where there is none before it.
  Address next_resident(Address at, Address limit);

  Bytes bytes_read() const { return bytes_read_; }

 private:
  bool move_to(Address at, Address limit);
  bool find_part(Address at);
  void read(Address start, Address end);
  void observe();

  const PresentMemory& memory_;
  Observer observer_;
  Address observed_until_;
  std::vector<Header> headers_;  // from start_ on
  Address start_, end_;
  std::vector<Range> parts_;     // what of it is present
  Range part_;                   // the one that was asked for last
  Range asked_;                  // where it was last asked what is resident,
  std::vector<Range> resident_;  // and the answer
  Bytes size_;
  Bytes bytes_read_;
};

}  // namespace strata::glibc
