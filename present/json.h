// present/json.h - a document as JSON for programs. docs/json.md is its contract.
#pragma once

#include <string>

#include "present/document.h"

namespace strata {

/// Pretty-printed, with a final newline. Bytes that are not UTF-8 are replaced by \xHH in text.
std::string to_json(const Document& document);

}  // namespace strata
