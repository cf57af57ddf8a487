// inspect/ledger/witness.h - an independent counter that the ledger's sum is held against.
// No witness is used to build the ledger: the sum comes from page tables, a witness from a counter
// or from a walk that the kernel made itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"

namespace strata {

struct Witness {
  std::string name;            ///< "VmRSS before", "smaps, sum of Rss", …
  std::optional<Bytes> value;  ///< nothing where it was not, or could not be, read
  bool exact = false;          ///< whether on this kernel it must equal the sum of a still process
  std::string why;             ///< what makes it inexact, or why it is absent, or differs
};

/// a less b, signed.
constexpr std::int64_t difference(Bytes a, Bytes b) {
  return static_cast<std::int64_t>(a.value) - static_cast<std::int64_t>(b.value);
}

}  // namespace strata
