// inspect/space/symbol_names.h - which functions many addresses of a module lie in, by its symbol
// tables; each is gone through once, however many addresses there are.
// Errors  as of symbol_table.h.
// Threads one at a time.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "inspect/space/module.h"

namespace strata {

/// For each of `addresses`, which are sorted, the innermost symbol that covers it; one without a
/// name where none does.
Result<std::vector<Symbol>> find_symbols_at(const PresentMemory& memory, const Module& module,
                                            std::span<const Address> addresses);

}  // namespace strata
