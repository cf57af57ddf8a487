// present/arena_blocks.h - glibc's arenas, each: what is live and free in it, whose it is, its
// bins.
#pragma once

#include <vector>

#include "inspect/ledger/heap_figures.h"
#include "present/heap_view.h"

namespace strata {

/// Of the arenas that `how` asks for: a table and their threads for text, a record each for JSON.
std::vector<Block> arena_blocks(const Explanation& explanation, const HeapFigures& figures,
                                const HeapView& how);
/// What is free and sorted in them; for text.
Block bins_block(const Explanation& explanation, const HeapFigures& figures, const HeapView& how);

/// What JSON says of an arena, and of all together.
std::vector<Field> fields_of(const ArenaFigures& figures);

/// As the kernel has it; "not known" where it is not, as of most threads in a core.
Cell name_of_thread(const Explanation& explanation, pid_t tid);

}  // namespace strata
