// inspect/page/frame.h - one page down to its frame: what the page table, the frame's flags and
// counts, and the NUMA policy say of it.
// Source  /proc/PID/pagemap, /proc/kpageflags, kpagecount (Linux
//         Documentation/admin-guide/mm/pagemap.rst), move_pages(2).
// Errors  What privilege or the kernel hides is absent, and `hidden` says why.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "inspect/page/page_run.h"
#include "inspect/target/means.h"
#include "inspect/target/target.h"

namespace strata {

/// An index into each level of the page table, the highest first: PGD, (P4D,) PUD, PMD, PTE. It
/// ends with the entry that maps the page: a PMD maps 2 MiB at once, and a PUD 1 GiB.
///
///     PGD 255 > PUD 510 > PMD 12 > PTE 34 > 12 bits of offset
///     PGD 255 > PUD 510 > PMD 12          > 21 bits, into a huge page
struct TableWalk {
  struct Level {
    std::string name;
    unsigned index;
  };
  std::vector<Level> levels;
  unsigned offset;  ///< in what the last entry maps
};

struct Frame {
  PageFlags flags;  ///< with kHuge and kHugetlb, where `entry_span` is known
  /// How much the entry maps that maps the page: 4 KiB, or 2 MiB or 1 GiB of a huge page. A page
  /// of a huge one that is mapped by single entries has 4 KiB. Nothing where that is hidden.
  std::optional<Bytes> entry_span;
  std::optional<std::uint64_t> entry;  ///< the raw pagemap entry
  std::optional<std::uint64_t> number;
  std::vector<std::string> kernel_flags;   ///< "LRU", "ANON", "THP", …
  std::optional<std::uint64_t> map_count;  ///< how many page tables map the frame
  std::optional<int> numa_node;
  std::vector<std::string> hidden;  ///< what could not be seen and why, a sentence each
};

/// How many levels this machine's page tables have: 4, or 5 with LA57.
int page_table_levels();
/// Down to the entry that maps `span`, a power of two and at least a page.
TableWalk walk_of(Address address, int levels, Bytes span);

Result<Frame> read_frame(const Target& target, const Means& means, Address address);

}  // namespace strata
