// present/text.h - a document as text for people.
#pragma once

#include <string>

#include "base/humanised.h"  // all that shows sizes includes this header
#include "present/document.h"
#include "present/sink.h"

namespace strata {

struct TextStyle {
  int width = 100;   ///< columns at which sentences are wrapped
  bool cut = false;  ///< cut a table's last column at the width too, with "…"
  bool colour = false;
};

/// The style for standard output: the terminal's width, colour only on a terminal and without
/// NO_COLOR; nothing is cut where it is a pipe or a file.
TextStyle style_of_stdout();

Result<void> write_text(const Document& document, const TextStyle& style, const Sink& sink);
std::string to_text(const Document& document, const TextStyle& style);

}  // namespace strata
