// inspect/ledger/explanation.h - a target explained: the ledger, and what it is held against.
//
//     target ─ space ─ claims ─┐
//            └ page runs ──────┴─ ledger ─ witnesses ─ findings
//
// Errors  Only what leaves nothing to show is an Error (no permission, no such process); whatever
//         else could not be seen is a note, and the rest is shown.
// Threads one at a time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "inspect/heap/heap_reader.h"
#include "inspect/ledger/findings/huge_contents.h"
#include "inspect/ledger/findings/kinship.h"
#include "inspect/ledger/ledger.h"
#include "inspect/ledger/mapping_book.h"
#include "inspect/ledger/witness.h"
#include "inspect/page/counters.h"
#include "inspect/page/smaps.h"
#include "inspect/space/space.h"
#include "inspect/target/means.h"
#include "inspect/target/target.h"

namespace strata {

using Duration = std::chrono::microseconds;

struct ExplainOptions {
  std::optional<Duration> freeze_limit;  ///< stop the target, for at most so long
  int most_tries = 5;                    ///< scans until VmRSS is the same before and after
  /// smaps and smaps_rollup each cost the kernel a walk of all page tables, six times as long as
  /// the scan: kCheap reads them where that is little, kSmaps reads smaps, kAll both.
  enum class Witnesses { kCheap, kSmaps, kAll } witnesses = Witnesses::kCheap;
  /// kCountZero reads every huge page, to tell what of it was never written.
  enum class HugePages { kMeasure, kCountZero } huge_pages = HugePages::kMeasure;
  /// So much memory is compared with forked relatives, page by page: some 25 ms a GiB each.
  Bytes most_compared = 4_GiB;
  enum class Runs { kBook, kKeep } runs = Runs::kBook;  ///< kKeep fills Explanation::runs
  /// kCheck: what a heap's structures say is held against each other, in lists and orders too;
  HeapScene::Depth heaps = HeapScene::Depth::kWalk;
  Progress progress;  ///< told how far it is, but not while the target stands
};

/// When and how the figures were taken.
struct Moment {
  Counters before;
  Counters after;  ///< right after the last scan, while a frozen target still stood
  bool frozen = false;
  bool let_go_early = false;  ///< it was to stand, but did not until all was read
  std::string let_go_because;
  Duration stood{};                      ///< how long the target was stopped
  bool smaps_while_standing = false;     ///< smaps was read while the target was stopped
  int tries = 1;                         ///< scans made
  std::optional<Bytes> resident_before;  ///< VmRSS right before the last scan
  std::optional<Bytes> resident_after;   ///< and right after
  Bytes memory_read;                     ///< of the target's own bytes
};

/// The ledger's sum against the kernel's counter.
struct Reconciliation {
  Bytes sum;
  std::optional<Bytes> resident;  ///< VmRSS; nothing for a core
  std::int64_t remainder = 0;     ///< sum less VmRSS
  std::int64_t drift = 0;         ///< what VmRSS changed by during the scan
  std::string cause;              ///< why the remainder is not 0, as far as it is known
};

/// Memory that the process holds outside its address space, or the kernel for it.
struct Beside {
  std::optional<Bytes> page_tables;
  Bytes kernel_stacks;
  Bytes unmapped_memfds;  ///< held by a descriptor, mapped by nobody here
  Bytes guard;            ///< mappings and pages without access that fence others
};

struct Explanation {
  Identity identity;
  Means means;
  Space space;
  Ledger ledger;
  std::shared_ptr<glibc::Contents> glibc;                  ///< where the process has glibc's malloc
  std::shared_ptr<strata_malloc::Contents> strata_malloc;  ///< where it has the Strata malloc
  std::vector<MappingEntry> mappings;                      ///< one for each of space.mappings
  std::vector<PageRun> runs;        ///< where they were asked for; at most kMostRunsKept
  std::vector<MappingUsage> usage;  ///< smaps, by address; empty where it was not read
  std::string usage_unread;         ///< why it was not
  Moment moment;
  Reconciliation reconciliation;
  std::vector<Witness> witnesses;
  Beside beside;
  Kinship kinship;                             ///< processes that memory is shared with by fork
  std::optional<HugeContents> huge_contents;   ///< where they were read
  std::optional<std::uint64_t> most_mappings;  ///< vm.max_map_count
  bool target_cut_off = false;                 ///< a core that is not whole
  std::vector<std::string> notes;
};

/// So that a checkerboard of pages cannot make us grow without bound: as rows of a document a run
/// takes 1.2 KiB. What is cut is said in a note.
inline constexpr std::size_t kMostRunsKept = 100'000;

/// Whether nothing that was asked for stayed hidden: pages whose state the kernel does not show, a
/// target that had to be let go too early, the lost part of a truncated core.
inline bool saw_all(const Explanation& e) {
  return e.ledger.sum().unknown == 0_B && !e.moment.let_go_early && !e.target_cut_off;
}

Result<Explanation> explain(const Target& target, const Means& means,
                            const ExplainOptions& options);

}  // namespace strata
