// inspect/heap/glibc/lists.h - follows the lists of fast bins and of unsorted chunks, and marks
// what stands in them. A list that leads outside, turns back or does not end is damage; what it led
// to until then counts.
#pragma once

#include "inspect/heap/glibc/heap.h"

namespace strata::glibc {

/// How links are stored, by where the first one of each list leads: `entries` are user addresses.
Linking deduce_linking(Peek& peek, const std::vector<Address>& entries);

/// The first entries of each arena's fast bins, as user addresses.
std::vector<Address> fast_heads(Peek& peek, const Heap& heap);

/// Of all arenas; caches must be known by then. Adds to `read` what it read in bulk.
void follow_lists(Peek& peek, const PresentMemory& memory, Heap& heap, Bytes& read);

}  // namespace strata::glibc
