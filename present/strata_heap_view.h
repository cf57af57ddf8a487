// present/strata_heap_view.h - the Strata malloc's heap: size classes, arenas, runs of pages, what
// it costs to keep account of them, and what malloc_trim(0) would give back.
#pragma once

#include <cstddef>
#include <optional>

#include "inspect/ledger/explanation.h"
#include "present/document.h"

namespace strata {

struct StrataHeapView {
  std::optional<std::size_t> arena;  ///< only this one in the table of arenas
  enum class Sizes { kWidest, kAll } sizes = Sizes::kWidest;
  enum class Bins { kHide, kShow } bins = Bins::kHide;
};

/// Of an explanation with a Strata malloc.
Document view(const Explanation& explanation, const StrataHeapView& how);

}  // namespace strata
