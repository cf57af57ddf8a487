// present/leaks_view.h - blocks that nothing reaches, grouped by size and by what they are.
#pragma once

#include "inspect/object/leaks.h"
#include "present/document.h"

namespace strata {

struct LeaksView {
  enum class Rows { kWidest, kAll } rows = Rows::kWidest;
  std::uint64_t known = 0;  ///< left out, since a baseline has them
};

/// "text", "object": as in JSON.
const char* name_of(ContentKind kind);

Document view(const LeakReport& report, const LeaksView& how);

}  // namespace strata
