// inspect/ledger/measure.h - the figures of one account. All are additive.
#pragma once

#include "base/units.h"
#include "inspect/page/page_run.h"

namespace strata {

struct Measure {
  Bytes virtual_size;
  Bytes resident;      ///< what the kernel counts in VmRSS
  Bytes anonymous;     ///< of resident: in no file; written by the process or its parent
  Bytes huge;          ///< of resident: mapped by huge pages
  Bytes lazily_freed;  ///< of anonymous: MADV_FREE, the kernel may take it; see book_lazily_freed()
  Bytes swapped;
  Bytes zero;       ///< read and never written: the shared zero page, in no counter
  Bytes guard;      ///< MADV_GUARD_INSTALL
  Bytes hugetlb;    ///< of the huge page pool, outside RSS
  Bytes uncounted;  ///< mapped by frame number, outside every counter
  Bytes unknown;    ///< this kernel or privilege hides their state
  Bytes held;       ///< in the core file

  /// Adds `bytes` of pages in the state `flags`; virtual_size is not touched.
  constexpr void add(PageFlags flags, Bytes bytes) {
    const PageRun page{{}, flags};
    if (page.resident()) {
      resident += bytes;
      if (page.anonymous()) anonymous += bytes;
      if (flags.has(PageFlag::kHuge)) huge += bytes;
    } else if (flags.has(PageFlag::kUnknown)) {
      unknown += bytes;
    } else if (flags.has(PageFlag::kHeld)) {
      held += bytes;
    } else if (flags.has(PageFlag::kGuard)) {
      guard += bytes;
    } else if (flags.has(PageFlag::kSwapped)) {
      swapped += bytes;
    } else if (flags.has(PageFlag::kHugetlb)) {
      hugetlb += bytes;
    } else if (flags.has(PageFlag::kUncounted)) {
      uncounted += bytes;
    } else if (flags.has(PageFlag::kZero)) {
      zero += bytes;
    }
  }

  constexpr void add(const Measure& other) {
    virtual_size += other.virtual_size;
    resident += other.resident;
    anonymous += other.anonymous;
    huge += other.huge;
    lazily_freed += other.lazily_freed;
    swapped += other.swapped;
    zero += other.zero;
    guard += other.guard;
    hugetlb += other.hugetlb;
    uncounted += other.uncounted;
    unknown += other.unknown;
    held += other.held;
  }

  /// Mapped, and no page was ever made for it.
  constexpr Bytes untouched() const {
    return saturating_sub(virtual_size,
                          resident + swapped + zero + guard + hugetlb + uncounted + unknown + held);
  }
};

}  // namespace strata
