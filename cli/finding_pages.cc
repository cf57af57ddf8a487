#include "cli/finding_pages.h"

#include <span>

namespace strata {

// Made of docs/findings by cmake/embed.cmake.
extern const FindingPage kFindingPages[];
extern const unsigned kFindingPageCount;

std::optional<std::string_view> find_finding_page(std::string_view id) {
  for (const FindingPage& page : std::span(kFindingPages, kFindingPageCount)) {
    if (page.id == id) return page.text;
  }
  return std::nullopt;
}

}  // namespace strata
