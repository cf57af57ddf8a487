// inspect/page/read_ahead.h - much of a target's memory, read in order by two threads while what
// came before is looked at.
//
//     a thread of its own    [read, prepare][read, prepare][read, prepare] …
//     next(), who asks       [looks at one ][looks at one ][read, prepare]      as none is ready
//
// To read is to have the kernel copy, some 0.15 ms a piece, and what was copied is at hand for the
// processor that asked for it alone. So whatever can be done with a piece by itself is done where
// it was read, and who finds no piece ready reads one.
//
// Only what is present is read; what is not is passed over, however wide it is.
//
// Cost    4 MiB.
// Errors  none: what cannot be read is in no part. Where there can be no thread it does with one.
// Threads one at a time, beside its own.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "inspect/page/present_memory.h"

namespace strata {

/// A stretch of memory as it was read.
struct Piece {
  std::size_t number = 0;  ///< of the range that it is a piece of
  Range range;
  std::vector<std::byte> bytes;  ///< from its start on; only those in `parts` mean anything
  std::vector<Range> parts;      ///< by address

  std::span<const std::byte> part(Range part) const {
    return std::span(bytes).subspan((part.start - range.start).value, part.size().value);
  }
};

/// Reads `range`, which may hold nothing.
void read_piece(const PresentMemory& memory, Range range, Piece& piece);

class ReadAhead {
 public:
  static constexpr Bytes kPiece = 256_KiB;
  static constexpr std::size_t kPieces = 16;  ///< that exist at a time

  /// Called with each piece where it was read, by two threads at once. Pieces at one time have
  /// different slots, below kPieces.
  using Prepare = std::function<void(const Piece& piece, std::size_t slot)>;

  /// Of `ranges` one after the other, each begun with a piece of its own. `memory` is copied.
  ReadAhead(const PresentMemory& memory, std::vector<Range> ranges, Prepare prepare = {});
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  struct Next {
    const Piece* piece;
    std::size_t slot;
  };
  /// The next piece that has something present; null at the end. It is good until the next call.
  Next next();

 private:
  struct Slot {
    Piece piece;
    bool is_filled = false;
  };

  bool claim(std::size_t& number);
  void fill(const PresentMemory& memory, std::size_t number);
  void read_on();

  const PresentMemory own_memory_, other_memory_;  // of the two threads
  const std::vector<Range> ranges_;
  const Prepare prepare_;
  std::array<Slot, kPieces> slots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded:
  std::size_t range_ = 0;  // where pieces go on
  Address at_;
  std::size_t begin_ = 0, end_ = 0;  // the pieces that exist, by how many came before
  bool in_hand_ = false;             // the first of them
  bool is_unwanted_ = false;         // nothing more is asked for
  std::thread thread_;               // begun last
};

}  // namespace strata
