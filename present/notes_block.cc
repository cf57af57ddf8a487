#include "present/notes_block.h"

namespace strata {

Block notes_block(const std::vector<std::string>& notes) {
  std::vector<Record> records;
  for (const std::string& note : notes) {
    if (!note.empty()) records.push_back({{{"text", note}}, {note}});
  }
  return {"notes", "Not seen", std::move(records), ""};
}

}  // namespace strata
