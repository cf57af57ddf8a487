#include "present/block_list.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace strata {
namespace {

/// What of the heap's document the list needs beside it in text too.
constexpr std::string_view kShown[] = {"damage", "unfinished", "notes"};

/// In JSON as it was, in text nothing.
void hide(Block& block) {
  block.heading.clear();
  block.footnote.clear();
  if (auto* const record = std::get_if<Record>(&block.content)) record->lines.clear();
  if (auto* const records = std::get_if<std::vector<Record>>(&block.content)) {
    for (Record& record : *records) record.lines.clear();
  }
  if (auto* const table = std::get_if<Table>(&block.content)) {
    for (Table::Row& row : table->rows) row.shown = false;
  }
}

}  // namespace

Document with_block_list(Document heap, std::string summary, Block list) {
  const auto is_shown = [](const Block& block) {
    return std::find(std::begin(kShown), std::end(kShown), block.key) != std::end(kShown);
  };
  std::stable_partition(heap.blocks.begin(), heap.blocks.end(),
                        [&](const Block& block) { return !is_shown(block); });
  auto shown = std::find_if(heap.blocks.begin(), heap.blocks.end(), is_shown);
  std::for_each(heap.blocks.begin(), shown, hide);
  shown = heap.blocks.insert(shown, std::move(list));
  heap.blocks.insert(shown, {"", "", Record{{}, {std::move(summary)}}, ""});
  return heap;
}

void set_text(Cell& cell, std::string_view text) {
  if (auto* const last = std::get_if<std::string>(&cell)) {
    last->assign(text);
  } else {
    cell = std::string(text);
  }
}

}  // namespace strata
