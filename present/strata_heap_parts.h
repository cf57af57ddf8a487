// present/strata_heap_parts.h - parts of the Strata malloc's heap that are shown where they are
// asked for: how full the spans of each class are, and what does not hold together.
#pragma once

#include <vector>

#include "inspect/heap/strata/heap_scan.h"
#include "present/document.h"

namespace strata {

/// By class, most pinned bytes first.
Block strata_bins_block(const strata_malloc::Contents& contents);

/// "damage" and "unfinished".
std::vector<Block> strata_damage_blocks(const strata_malloc::DamageBook& book);

}  // namespace strata
