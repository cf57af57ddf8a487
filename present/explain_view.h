// present/explain_view.h - an explanation as a document: the tree, the witnesses, the findings.
#pragma once

#include <vector>

#include "inspect/ledger/explanation.h"
#include "inspect/ledger/finding.h"
#include "present/document.h"

namespace strata {

struct ExplainView {
  enum class Rows { kWidest, kAll } rows = Rows::kWidest;
};

Document view(const Explanation& explanation, const std::vector<Finding>& findings,
              const ExplainView& how);

}  // namespace strata
