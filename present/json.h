// present/json.h - a document as JSON for programs. docs/json.md is its contract.
#pragma once

#include <string>

#include "present/document.h"

namespace strata {

/// Pretty-printed, with a final newline. Names stand as printable() writes them.
std::string to_json(const Document& document);

}  // namespace strata
