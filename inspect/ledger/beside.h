// inspect/ledger/beside.h - memory that belongs to a process and is not in its address space.
#pragma once

#include "inspect/ledger/explanation.h"

namespace strata {

Beside read_beside(const Target& target, const Counters& counters, const Space& space);

}  // namespace strata
