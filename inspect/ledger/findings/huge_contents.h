// inspect/ledger/findings/huge_contents.h - how much of huge pages is zero: a huge page holds 2 MiB
// for one byte written. Only reading them tells, so it is done only where it was asked for.
// Cost    The pages are read once, 2 MiB at a time, at some 10 GB a second.
#pragma once

#include <span>

#include "base/progress.h"
#include "base/units.h"
#include "inspect/page/present_memory.h"

namespace strata {

struct HugeContents {
  Bytes read;
  Bytes zero;    ///< of read: 4 KiB pages without a single bit set
  Bytes unread;  ///< could not be read, or the process gave it back meanwhile
};

/// `huge` are whole pages by address.
HugeContents count_zero(const PresentMemory& memory, std::span<const Range> huge,
                        const Progress& progress = {});

}  // namespace strata
