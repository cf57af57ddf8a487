// inspect/ledger/losses.h - what an explanation lacks because a means was missing.
// A means that nothing needed is not named: an ordinary user sees no page frames, and where nobody
// asked for one the figures are complete all the same. What was switched off by hand is named
// always.
#pragma once

#include <string>
#include <vector>

#include "inspect/ledger/explanation.h"

namespace strata {

/// A sentence each: what is lost, and why.
std::vector<std::string> name_losses(const Explanation& explanation);

}  // namespace strata
