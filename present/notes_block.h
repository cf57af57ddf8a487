// present/notes_block.h - "Not seen": what a command could not see, a sentence each.
#pragma once

#include <string>
#include <vector>

#include "present/document.h"

namespace strata {

/// Stands in JSON also where it is empty: `notes` is always there.
Block notes_block(const std::vector<std::string>& notes);

}  // namespace strata
