// cli/finding_pages.h - the pages of docs/findings, as they came along in the executable.
#pragma once

#include <optional>
#include <string_view>

namespace strata {

struct FindingPage {
  const char* id;  ///< "thread-stacks"
  const char* text;
};

std::optional<std::string_view> find_finding_page(std::string_view id);

}  // namespace strata
