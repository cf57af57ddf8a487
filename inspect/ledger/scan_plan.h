// inspect/ledger/scan_plan.h - what to look through, and what is known of it before.
#pragma once

#include <vector>

#include "inspect/ledger/explanation.h"
#include "inspect/page/page_scanner.h"

namespace strata {

struct ScanPlan {
  std::vector<ScanRange> ranges;
  /// Mapped by frame number (VM_PFNMAP: a perf ring, a device): neither pagemap nor PAGEMAP_SCAN
  /// shows such pages, nor does any counter have them.
  std::vector<Range> hidden;
};

/// For the mappings of `explanation`, by what smaps says of them where it was read.
ScanPlan plan_scan(const Target& target, const Explanation& explanation);

}  // namespace strata
