// inspect/heap/glibc/linking.h - how the links of caches and fast bins are stored.
// From 2.32 on a link is the address it leads to, exclusive-or'd with the address of the field
// itself shifted by 12; heads are plain. Which of the two it is shows itself in any list.
// Source  glibc malloc/malloc.c (PROTECT_PTR).
#pragma once

#include <vector>

#include "inspect/heap/peek.h"

namespace strata::glibc {

enum class Linking : std::uint8_t { kPlain, kShifted };

inline Address follow(Linking linking, Address field, std::uint64_t stored) {
  return Address{linking == Linking::kPlain ? stored : stored ^ (field.value >> 12)};
}

/// By where the first link of each list leads: `entries` are user addresses.
Linking deduce_linking(Peek& peek, const std::vector<Address>& entries);

}  // namespace strata::glibc
