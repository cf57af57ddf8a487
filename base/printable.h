// base/printable.h - names from a target made safe to show.
// A process, thread or file can be called anything, escape sequences and newlines included;
// none of that reaches a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace strata {

/// Control bytes as \n, \t or \xHH, a backslash as \\, bytes that are not UTF-8 as \xHH.
/// Bidirectional and other invisible formatting characters are escaped too (\u{202E}), as are the
/// control characters from U+0080 on. Nothing is lost: different names look different.
std::string printable(std::string_view raw);

/// A path of names, outermost first, each printable: "heap / glibc / main arena".
std::string joined(const std::vector<std::string>& path);

}  // namespace strata
