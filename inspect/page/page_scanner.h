// inspect/page/page_scanner.h - the state of every page in some ranges, as runs.
// Uses PAGEMAP_SCAN where there is one, else pagemap entry by entry; both give the same runs, save
// what the older cannot see, which is flagged kUnknown or said in blind_spots().
// Cost    One walk of the page tables; memory is one buffer whatever the target's size.
// Threads any number at once.
// Errors  kPermission, kGone. A range that was unmapped meanwhile reads as absent.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "inspect/page/page_run.h"
#include "inspect/target/means.h"
#include "inspect/target/target.h"

namespace strata {

/// A range to scan and what is known of all its pages before.
struct ScanRange {
  Range range;
  /// kHugetlb or kUncounted where the mapping is of that kind; set on each of its present pages.
  PageFlags inherent;
  /// Resident and swapped bytes by smaps, where known. Only the way without PAGEMAP_SCAN uses it:
  /// it must look at every page of a range, and so skips what is known to be empty.
  std::optional<Bytes> populated;
};

class PageScanner {
 public:
  using Sink = std::function<void(const PageRun&)>;

  /// What to ask of each page.
  enum class Detail {
    kState,      ///< all but kExclusive
    kExclusive,  ///< that too, entry by entry, which sees less of the rest (kZero, kHuge)
  };

  static Result<PageScanner> open(const Target& target, const Means& means);

  /// Hands over the runs of `ranges` (sorted, disjoint) by address. Pages with no flag at all give
  /// no run; no run crosses from one range into the next. It is one sweep from the first range to
  /// the last: what lies between costs as much as what was asked for, unless it is unmapped.
  Result<void> scan(std::span<const ScanRange> ranges, const Sink& sink,
                    Detail detail = Detail::kState) const;

  /// What this way of looking cannot see, a sentence each.
  const std::vector<std::string>& blind_spots() const { return blind_spots_; }

 private:
  PageScanner() = default;
  /// Takes back what the kernel's bits say beside their meaning.
  PageFlags interpret(PageFlags flags, PageFlags inherent) const;
  Result<void> scan_by_ioctl(std::span<const ScanRange> ranges, const Sink& sink) const;
  Result<void> scan_by_entries(std::span<const ScanRange> ranges, const Sink& sink,
                               Detail detail) const;

  File pagemap_;
  bool by_ioctl_ = false;
  bool has_swap_ = true;
  bool asks_guard_ = false;                  ///< this kernel's PAGEMAP_SCAN knows guard pages
  std::optional<std::uint64_t> zero_frame_;  ///< of the shared zero page, where frames are shown
  std::vector<std::string> blind_spots_;
};

}  // namespace strata
