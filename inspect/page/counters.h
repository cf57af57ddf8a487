// inspect/page/counters.h - what the kernel counted for the whole process.
// Source  /proc/PID/status, statm, stat (proc(5)); Linux fs/proc/{task_mmu,array}.c.
// Units   Bytes; status and smaps are in KiB, statm and stat in pages.
// Errors  A counter that this kernel does not print is absent, not 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "inspect/target/target.h"

namespace strata {

struct Counters {
  std::optional<Bytes> virtual_size;  ///< VmSize
  std::optional<Bytes> resident;      ///< VmRSS
  std::optional<Bytes> resident_anonymous;
  std::optional<Bytes> resident_file;
  std::optional<Bytes> resident_shared;  ///< RssShmem: shared memory, memfds, tmpfs
  std::optional<Bytes> peak_resident;    ///< VmHWM
  std::optional<Bytes> swapped;          ///< VmSwap
  std::optional<Bytes> page_tables;      ///< VmPTE
  std::optional<Bytes> hugetlb;          ///< HugetlbPages
  std::optional<std::uint64_t> threads;
  std::optional<Bytes> statm_resident;
  std::optional<Bytes> stat_resident;  ///< /proc/PID/stat's rss: approximate on every kernel
  std::optional<std::uint64_t> minor_faults;
  std::optional<std::uint64_t> major_faults;
};

Result<Counters> read_counters(const Target& target);

/// /proc/PID/status alone, which brackets a scan; kGone where the process has no memory left.
Result<Counters> read_status(const Target& target);

/// Whether VmRSS counts each page at once on this kernel, found by touching pages of our own.
/// Kernels before about 6.16 batch the counter and are off by some dozen pages a thread.
bool resident_is_exact();

// The parsers, apart so that they can be fuzzed.
void parse_status(std::string_view text, Counters& into);
void parse_statm(std::string_view text, Counters& into);
void parse_stat(std::string_view text, Counters& into);

}  // namespace strata
