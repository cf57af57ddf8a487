// present/heap_view.h - glibc's heap: arenas, what is live, what is free and what can become of it.
#pragma once

#include <cstddef>
#include <optional>

#include "inspect/ledger/explanation.h"
#include "present/document.h"

namespace strata {

struct HeapView {
  std::optional<std::size_t> arena;  ///< only this one, by its number in the list
  enum class Bins { kHide, kShow } bins = Bins::kHide;
  enum class Sizes { kWidest, kAll } sizes = Sizes::kWidest;
};

/// Of an explanation with a glibc.
Document view(const Explanation& explanation, const HeapView& how);

}  // namespace strata
