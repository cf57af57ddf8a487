// present/json.h - a document as JSON for programs. docs/json.md is its contract.
#pragma once

#include <string>

#include "present/document.h"
#include "present/sink.h"

namespace strata {

/// Pretty-printed, with a final newline; streams have a line for each row. Names stand as
/// printable() writes them.
Result<void> write_json(const Document& document, const Sink& sink);
std::string to_json(const Document& document);

}  // namespace strata
