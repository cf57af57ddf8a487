// inspect/target/means.h - what this kernel and these rights allow, probed on our own memory.
// Each can be switched off by
// STRATA_WITHOUT=pagemap_scan,procmap_query,pfn,kpageflags,smaps,ptrace, so that the fallbacks are
// tested where the real thing works.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace strata {

struct Means {
  bool pagemap_scan = false;   ///< ioctl PAGEMAP_SCAN (Linux 6.7)
  bool procmap_query = false;  ///< ioctl PROCMAP_QUERY (Linux 6.11)
  bool frames = false;         ///< page frame numbers in pagemap (CAP_SYS_ADMIN)
  bool page_flags = false;     ///< /proc/kpageflags and kpagecount (root)
  bool smaps = true;           ///< /proc/PID/smaps
  bool ptrace = true;          ///< freezing
  bool swap = true;            ///< there is any swap: without, an entry that looks swapped is not
  /// One sentence for each that is missing: what it is, why it is not there.
  std::vector<std::string> missing;
};

/// Probes anew at each call; an unknown word in STRATA_WITHOUT is kUsage.
Result<Means> probe_means();

}  // namespace strata
