// inspect/heap/glibc/kept_chunks.h - what is kept of chunks as they pass, found again by number.
// Lists of freed chunks lead to and fro through the heap: each step is a lookup, and with an index
// by page it costs two cache misses, where a search through all would cost many.
//
// Kept    a struct with the chunk's number, `chunk`, in the ground (ground.h).
// Cost    4 bytes for each 4 KiB of heap, beside what is kept.
// Threads as any array.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/grown_array.h"

namespace strata::glibc {

template <class Kept>
class KeptChunks {
 public:
  /// By rising numbers; what does not rise may not be found.
  void push_back(Kept kept) {
    const std::size_t page = kept.chunk / kPage;
    while (first_.size() <= page) first_.push_back(static_cast<std::uint32_t>(kept_.size()));
    kept_.push_back(kept);
  }
  /// The place of the chunk of that number; size() where it was not kept.
  std::size_t find(std::uint32_t chunk) const {
    const std::size_t page = chunk / kPage;
    if (page >= first_.size()) return size();
    std::size_t low = first_[page];
    const std::size_t end = page + 1 < first_.size() ? first_[page + 1] : size();
    std::size_t high = end;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (kept_[middle].chunk < chunk) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < end && kept_[low].chunk == chunk ? low : size();
  }

  std::size_t size() const { return kept_.size(); }
  Kept& operator[](std::size_t place) { return kept_[place]; }
  const Kept& operator[](std::size_t place) const { return kept_[place]; }
  void clear() {
    kept_.clear();
    first_.clear();
  }

 private:
  static constexpr std::uint32_t kPage = 256;  // of the ground's granules, which are 16 bytes each

  GrownArray<Kept> kept_;
  GrownArray<std::uint32_t> first_;  // by page: the place of the first that is not before it
};

}  // namespace strata::glibc
