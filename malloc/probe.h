// malloc/probe.h - reads memory of our own that may not be there: a page is asked for before it is
// read. What unwinding follows are registers that a program is free to use otherwise.
// Cost    some 100 ns for each page that is new to it.
// Threads one at a time; lives as long as one unwinding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "malloc/os.h"

// The stack below is other functions', which a sanitizer knows better.
#define STRATA_READS_ANYTHING [[gnu::no_sanitize("address", "thread", "undefined")]]

namespace strata::alloc {

class Probe {
 public:
  /// The word there, whole or not at all.
  STRATA_READS_ANYTHING bool read(std::uintptr_t at, std::uint64_t& word) {
    if (at % sizeof word != 0) return read_bytes(at, sizeof word, word);
    if (!is_readable(at)) return false;
    word = *reinterpret_cast<const volatile std::uint64_t*>(at);
    return true;
  }
  /// The number of up to eight bytes, the lowest first.
  STRATA_READS_ANYTHING bool read_bytes(std::uintptr_t at, unsigned count, std::uint64_t& number) {
    number = 0;
    for (unsigned i = 0; i < count; ++i) {
      if (!is_readable(at + i)) return false;
      number |= std::uint64_t{*reinterpret_cast<const volatile std::uint8_t*>(at + i)} << (8 * i);
    }
    return true;
  }

 private:
  bool is_readable(std::uintptr_t at) {
    const std::uintptr_t page = at / os::kPage;
    std::uintptr_t& known = known_[page % kKnown];
    if (page == 0) return false;
    if (known == page) return true;
    if (!os::is_readable(page * os::kPage)) return false;
    known = page;
    return true;
  }

  static constexpr std::size_t kKnown = 16;
  std::uintptr_t known_[kKnown] = {};
};

}  // namespace strata::alloc
