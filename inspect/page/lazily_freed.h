// inspect/page/lazily_freed.h - which pages MADV_FREE gave up.
// Such a page is anonymous and no longer swap-backed. One that was written again since looks the
// same until the kernel comes by, so the answer is an upper bound: it is exact where its size is
// smaps' LazyFree of the same moment.
// Source  /proc/kpageflags (Linux Documentation/admin-guide/mm/pagemap.rst), root.
// Cost    16 bytes read a page, some 70 ms a GiB.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "inspect/page/page_scanner.h"
#include "inspect/target/target.h"

namespace strata {

/// The pages of `range` that may be lazily freed, as ranges by address.
Result<std::vector<Range>> find_lazily_freed(const Target& target, const PageScanner& scanner,
                                             Range range);

}  // namespace strata
