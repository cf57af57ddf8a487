// present/strata_chunks_view.h - every block of the Strata malloc's heap, a line each, with what
// lies between them.
#pragma once

#include <cstddef>
#include <optional>

#include "inspect/ledger/explanation.h"
#include "present/document.h"

namespace strata {

struct StrataChunksView {
  std::optional<std::size_t> arena;  ///< only this one's spans; runs of pages belong to none
};

/// Of an explanation with a Strata malloc.
Document view(const Explanation& explanation, const StrataChunksView& how);

}  // namespace strata
