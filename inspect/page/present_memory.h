// inspect/page/present_memory.h - reads a target's memory only where it is already resident.
// Reading a page that was never touched makes the target's page tables grow, and reading a swapped
// one brings it back; a reader of heaps must do neither. What is not resident reads as zero bytes
// and is told apart by its ranges.
// Threads one at a time.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "inspect/page/page_scanner.h"
#include "inspect/target/target.h"

namespace strata {

class PresentMemory {
 public:
  /// Of a target that stands, pages are asked for once, with those around them: readers of heaps
  /// ask for thousands of small pieces. What moves is asked for anew each time, and no more of it.
  enum class Pages { kMove, kStand };
  /// `scanner` may be null (a core has no pages): then all that the target holds counts as present.
  PresentMemory(const Target& target, const PageScanner* scanner, Pages pages = Pages::kMove)
      : target_(target), scanner_(scanner), pages_(pages) {}

  /// The parts of `range` that are present, by address.
  Result<std::vector<Range>> present(Range range) const;

  /// Fills `into` from `from` on; bytes that are not present become 0. The number of bytes that
  /// were really read.
  Result<Bytes> read(Address from, std::span<std::byte> into) const;

  /// The same in bulk: fills what is present and leaves the rest of `into` as it was; the ranges
  /// that were really read, by address. Of a target that stands, pages that nobody else maps come
  /// by a faster way.
  Result<std::vector<Range>> read_parts(Address from, std::span<std::byte> into) const;

  /// The first address from `at` on that is present; `limit` where there is none before it.
  Result<Address> next_present(Address at, Address limit) const;

  /// A value whose bytes are all present; nullopt otherwise, and where it cannot be read.
  template <class T>
  std::optional<T> value(Address from) const {
    T result;
    auto got = read(from, std::as_writable_bytes(std::span(&result, 1)));
    if (!got || got->value != sizeof(T)) return std::nullopt;
    return result;
  }

  const Target& target() const { return target_; }
  /// Whether two readings are of one moment.
  bool stands() const { return scanner_ == nullptr || pages_ == Pages::kStand; }

 private:
  Result<std::vector<Range>> scan(Range range) const;
  Address next_held(Address at, Address limit) const;
  void read_part(Range part, Address from, std::span<std::byte> into, bool exclusive,
                 std::vector<Range>& read) const;
  /// The present parts of the window around `at`; null where they cannot be had.
  Result<const std::vector<Range>*> window_around(Address at) const;

  const Target& target_;
  const PageScanner* scanner_;
  Pages pages_;
  mutable std::map<Address, std::vector<Range>> windows_;  // by their start
  mutable std::optional<std::vector<Range>> held_;         // of a core: what stands in its file
};

}  // namespace strata
