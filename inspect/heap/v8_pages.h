// inspect/heap/v8_pages.h - V8's pages, recognised by headers that close over three structures
// that lie apart: page, space and isolate; in a pointer cage, by headers that number their place.
// No symbol is needed and no version is asked for.
//
// Cost    56 bytes a page, for at most kMostV8Pages.
// Errors  none: a page that does not close is not found.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "inspect/heap/heap_reader.h"
#include "inspect/heap/peek.h"

namespace strata {

/// 32 GiB of regular ones.
inline constexpr std::size_t kMostV8Pages = std::size_t{1} << 17;

enum class V8PageKind { kYoung, kOld, kLarge, kReadOnly, kTrusted, kCode };

struct V8Page {
  Range range;
  V8PageKind kind = V8PageKind::kOld;
  std::uint64_t flags = 0;
  std::uint64_t heap = 0;               ///< the isolate's, 0 for what belongs to none
  std::optional<std::uint64_t> number;  ///< in a cage
};

struct V8Pages {
  std::vector<V8Page> pages;  ///< by address
  bool gave_up = false;       ///< stopped at a limit
};

/// Looks at where mappings begin first, and through everything only where one begins with a page.
V8Pages find_v8_pages(const Space& space, Peek& peek);

}  // namespace strata
