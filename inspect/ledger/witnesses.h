// inspect/ledger/witnesses.h - reads every counter that can speak for or against the ledger.
#pragma once

#include "inspect/ledger/explanation.h"

namespace strata {

/// Holds the ledger's sum against VmRSS and says what parts them.
void reconcile(Explanation& explanation);

/// VmRSS before and after, statm, the sum of smaps, smaps_rollup, /proc/PID/stat.
std::vector<Witness> gather_witnesses(const Target& target, const ExplainOptions& options,
                                      const Explanation& explanation);

}  // namespace strata
