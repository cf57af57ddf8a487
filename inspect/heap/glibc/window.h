// inspect/heap/glibc/window.h - headers of chunks, read in bulk through reused windows.
// Where chunks lie close together the window grows and at last all is read, ahead of who asks;
// where they are large it shrinks again, and what lies between two headers is passed over. Only
// present pages are read. Threads one at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "inspect/page/present_memory.h"
#include "inspect/page/read_ahead.h"

namespace strata::glibc {

class Window {
 public:
  struct Header {
    std::uint64_t previous;
    std::uint64_t size;
  };

  /// Sees each piece that is read, once and in address order, behind the last one that was prepared
  /// in its slot.
  using Observer = std::function<void(const Piece& piece, std::size_t slot)>;

  explicit Window(const PresentMemory& memory) : memory_(memory) {}
  /// One that passes over nothing: all that is present of `ranges` (by address, disjoint, begun and
  /// ended at multiples of 16) is read, and prepared and then seen by `observer`, as headers behind
  /// it are asked for.
  Window(const PresentMemory& memory, std::vector<Range> ranges, ReadAhead::Prepare prepare,
         Observer observer);

  /// The header of the chunk at `at`, a multiple of 16; null where it is not resident. Good until
  /// the next call. `limit` is where reading ends at the latest.
  const Header* header(Address at, Address limit) {
    if (at < part_.start || at + Bytes{sizeof(Header)} > part_.end) {
      if (!move_to(at, limit)) return nullptr;
    }
    return header_in(at);
  }

  /// Has the processor bring near what stands some chunks behind `header`, which was given last, if
  /// that one's chunk is of `size`. Where a header is each one says; and another thread read them.
  static void prefetch_behind(const Header* header, Bytes size) {
    constexpr std::size_t kAhead = 2048, kLine = 64, kMost = 512;
    const char* const from = reinterpret_cast<const char*>(header) + kAhead;
    const std::size_t end = std::min<std::size_t>(size.value, kMost);
    for (std::size_t i = 0; i < end; i += kLine) __builtin_prefetch(from + i);
  }

  /// As header(), but null where that would have to read.
  const Header* header_at_hand(Address at) const {
    if (at < part_.start || at + Bytes{sizeof(Header)} > part_.end) return nullptr;
    return header_in(at);
  }

  /// The first address from `at` on that is resident; `limit` where there is none before it.
  Address next_resident(Address at, Address limit);

  /// Forgets what was read; without an observer alone.
  void forget();

  /// Reads on to the end of all ranges, where there is an observer.
  void finish();

  Bytes bytes_read() const { return bytes_read_; }

 private:
  const Header* header_in(Address at) const {
    return reinterpret_cast<const Header*>(shown_->bytes.data()) +
           (at - shown_->range.start).value / sizeof(Header);
  }
  bool move_to(Address at, Address limit);
  bool is_ahead(Address at) const;
  bool read_on_to(Address at);
  bool show(const Piece& piece, Address at);

  const PresentMemory& memory_;
  Observer observer_;
  std::vector<Range> ranges_;  // that are read ahead
  std::optional<ReadAhead> ahead_;
  const Piece* ahead_piece_ = nullptr;  // that it gave last
  Address ahead_until_;                 // its end
  Range gap_;                           // where it found nothing
  Piece own_;                           // what was read apart from that
  Bytes size_;                          // of that
  const Piece* shown_ = nullptr;        // one of the two
  Range part_;                          // of it, that was asked for last
  Range asked_;                         // where it was last asked what is resident,
  std::vector<Range> resident_;         // and the answer
  Bytes bytes_read_;
};

}  // namespace strata::glibc
