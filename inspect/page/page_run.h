// inspect/page/page_run.h - a range of pages in one state.
// Page runs know nothing of meaning: what the pages are for is said by claims (space/claim.h).
// Source  PAGEMAP_SCAN and pagemap (Linux Documentation/admin-guide/mm/pagemap.rst).
#pragma once

#include <cstdint>

#include "base/units.h"

namespace strata {

/// What the kernel says of a page, one bit each.
enum class PageFlag : std::uint16_t {
  kPresent = 1 << 0,    ///< has an entry in the page table
  kSwapped = 1 << 1,    ///< the entry leads to swap
  kFile = 1 << 2,       ///< of the page cache: file-backed or shared, not an anonymous copy
  kZero = 1 << 3,       ///< the shared zero page: present, and in no counter
  kHuge = 1 << 4,       ///< mapped by one entry of a higher level (2 MiB)
  kGuard = 1 << 5,      ///< MADV_GUARD_INSTALL
  kExclusive = 1 << 6,  ///< mapped by this address space alone
  kHugetlb = 1 << 7,    ///< of the hugetlb pool: present, and outside RSS
  kUncounted = 1 << 8,  ///< mapped by frame number (VM_PFNMAP, a perf ring): outside RSS
  kUnknown = 1 << 9,    ///< this kernel or privilege hides the state of these pages
  kHeld = 1 << 10,      ///< its bytes stand in the core file; whether it was resident is unknown
};

struct PageFlags {
  std::uint16_t bits = 0;

  constexpr bool operator==(const PageFlags&) const = default;
  constexpr bool has(PageFlag f) const { return (bits & static_cast<std::uint16_t>(f)) != 0; }
  constexpr void set(PageFlag f) { bits |= static_cast<std::uint16_t>(f); }
  constexpr void clear(PageFlag f) { bits &= ~static_cast<std::uint16_t>(f); }
};

struct PageRun {
  Range range;  ///< whole pages
  PageFlags flags;

  /// Whether the kernel counts these pages in VmRSS.
  constexpr bool resident() const {
    return flags.has(PageFlag::kPresent) && !flags.has(PageFlag::kZero) &&
           !flags.has(PageFlag::kHugetlb) && !flags.has(PageFlag::kUncounted);
  }
  /// Resident and in no file: written by this process, or by the parent that it was forked from.
  constexpr bool anonymous() const { return resident() && !flags.has(PageFlag::kFile); }
};

}  // namespace strata
