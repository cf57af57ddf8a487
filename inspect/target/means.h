// inspect/target/means.h - what this kernel and these rights allow, probed on our own memory.
// Each can be switched off by
// STRATA_WITHOUT=pagemap_scan,procmap_query,pfn,kpageflags,smaps,ptrace, so that the fallbacks are
// tested where the real thing works.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata {

/// What is missing. Whether anything is lost by it depends on the target.
struct Lack {
  std::string_view word;  ///< of STRATA_WITHOUT
  std::string why;
  enum class By { kMachine, kHand } by = By::kMachine;  ///< kHand: switched off
};

struct Means {
  bool pagemap_scan = false;   ///< ioctl PAGEMAP_SCAN (Linux 6.7)
  bool procmap_query = false;  ///< ioctl PROCMAP_QUERY (Linux 6.11)
  bool frames = false;         ///< page frame numbers in pagemap (CAP_SYS_ADMIN)
  bool page_flags = false;     ///< /proc/kpageflags and kpagecount (root)
  bool smaps = true;           ///< /proc/PID/smaps
  bool ptrace = true;          ///< freezing
  bool swap = true;            ///< there is any swap: without, an entry that looks swapped is not
  std::vector<Lack> missing;
};

/// Probes anew at each call; an unknown word in STRATA_WITHOUT is kUsage.
Result<Means> probe_means();

}  // namespace strata
