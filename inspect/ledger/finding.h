// inspect/ledger/finding.h - what is worth knowing about a ledger, and what to do about it.
// A rule is one file under findings/ with a page of its name under docs/findings; it looks at an
// Explanation and says nothing unless it has measured bytes to show.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/ledger/explanation.h"

namespace strata {

struct Finding {
  /// Whether acting on it gives memory or time back, or whether it only explains a figure that
  /// looks like a problem. A reservation of terabytes must not push a swapped heap off the screen.
  enum class Kind { kCosts, kExplains };

  std::string id;      ///< the rule's, as "lazily-freed"; docs/findings/ID.md explains it
  Bytes bytes;         ///< at stake, measured
  std::string text;    ///< what was seen, with its figures, in a sentence or two
  std::string action;  ///< what to do
  std::string saves;   ///< what that would save, or that it saves nothing; never a guess
  Kind kind = Kind::kCosts;
};

struct Rule {
  std::string_view id;
  std::optional<Finding> (*check)(const Explanation& explanation);
};

/// All rules; a new one is a file under findings/ and its line in rules.cc.
std::span<const Rule> rules();

/// What the rules find: first what costs, then what explains, most bytes first. Nothing for a
/// core: it holds bytes, and which of them were resident is not known.
std::vector<Finding> find_findings(const Explanation& explanation);

}  // namespace strata
