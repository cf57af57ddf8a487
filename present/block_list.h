// present/block_list.h - a heap's document with the list of its blocks in front.
// As text it is the list, and below it what speaks against it (damage, notes); JSON has beside it
// all that there is of the heap.
#pragma once

#include <string>
#include <string_view>

#include "present/document.h"

namespace strata {

/// `summary` is a line of text above the list.
Document with_block_list(Document heap, std::string summary, Block list);

/// Text in the place of the last row's, without a string made for it.
void set_text(Cell& cell, std::string_view text);

}  // namespace strata
