// inspect/ledger/findings/heap_shares.h - what the rules about heaps have in common.
#pragma once

#include <string>
#include <vector>

#include "inspect/ledger/heap_figures.h"

namespace strata {

/// How much of a part is resident at the least, where the whole alone was measured: all that is
/// not resident may lie in the part.
Bytes resident_at_least(Bytes part, Bytes whole, Bytes resident_of_whole);

/// "main arena 38.0 MiB, arena 2 1.0 MiB": those with the largest figure.
std::string listed_arenas(const HeapFigures& heap, Bytes (*figure)(const ArenaFigures&),
                          std::size_t most);

/// "worker (12), worker (13) and 6 more", printable.
std::string listed_threads(const Explanation& e, const std::vector<pid_t>& tids,
                           std::size_t most = 3);

}  // namespace strata
