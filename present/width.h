// present/width.h - how many columns text takes on a terminal.
// Source  Unicode 15 EastAsianWidth.txt (W and F take two columns) and its combining marks (none).
//         Not wcwidth(3): that asks the locale of whoever started strata.
// Errors  What is not UTF-8 takes a column a byte.
#pragma once

#include <string_view>

namespace strata {

int width_of(std::string_view text);

/// As many whole characters from the front as fit in `columns`.
std::string_view first_columns(std::string_view text, int columns);

}  // namespace strata
