// present/chunks_view.h - every chunk of glibc's heap, a line each.
// As text it is the list, and below it what speaks against it (damage, notes); JSON has beside it
// all that there is of the heap.
#pragma once

#include <cstddef>
#include <optional>

#include "inspect/ledger/explanation.h"
#include "present/document.h"

namespace strata {

struct ChunksView {
  std::optional<std::size_t> arena;  ///< only this one, by its number
};

/// Of an explanation with a glibc whose chunks were recorded.
Document view(const Explanation& explanation, const ChunksView& how);

}  // namespace strata
