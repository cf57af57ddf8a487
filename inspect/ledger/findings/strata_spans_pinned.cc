// Free blocks of the Strata malloc on pages that live ones share: no call gives them back.
// Source  malloc/arena.cc (a span is of one class; it ends when no block of it is used, and pages
// of
//         it go back where free blocks alone are on them), malloc/zone.cc.
#include <fmt/format.h>

#include <algorithm>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"
#include "inspect/ledger/strata_figures.h"

namespace strata {
namespace {

using strata_malloc::BlockState;
using strata_malloc::ClassTally;
using strata_malloc::Fill;

constexpr std::size_t kMostNamed = 3;

struct Pinned {
  std::size_t size_class;
  Bytes bytes;
};

/// Classes with most of it, and how much of their spans is live.
std::string listed_classes(const strata_malloc::Contents& contents) {
  std::vector<Pinned> classes;
  for (std::size_t c = 1; c < contents.tally.classes.size(); ++c) {
    const Bytes pinned = contents.tally.classes[c].pinned;
    if (pinned > 0_B) classes.push_back({c, pinned});
  }
  std::stable_sort(classes.begin(), classes.end(),
                   [](const Pinned& a, const Pinned& b) { return a.bytes > b.bytes; });
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < std::min(classes.size(), kMostNamed); ++i) {
    const ClassTally& tally = contents.tally.classes[classes[i].size_class];
    texts.push_back(fmt::format(
        "{} blocks {}, their spans {:.0f} % live",
        humanised(contents.table.class_sizes[classes[i].size_class]), humanised(classes[i].bytes),
        percent(of_state(tally.states, BlockState::kLive).bytes, tally.span_bytes)));
  }
  return fmt::format("{}", fmt::join(texts, "; "));
}

/// Spans that few live blocks hold.
std::uint64_t count_sparse(const strata_malloc::Tally& tally) {
  std::uint64_t spans = 0;
  for (const ClassTally& c : tally.classes) {
    spans += c.fills[static_cast<std::size_t>(Fill::kBelowQuarter)];
  }
  return spans;
}

}  // namespace

std::optional<Finding> check_strata_spans_pinned(const Explanation& e) {
  if (e.strata_malloc == nullptr) return std::nullopt;
  const StrataFigures heap = strata_figures(e);
  const Bytes pinned = heap.small.free_resident + heap.medium.free_resident +
                       heap.named.free_resident - heap.small.releasable - heap.medium.releasable -
                       heap.named.releasable;
  if (!is_worth_a_line(pinned, e)) return std::nullopt;
  Finding finding;
  finding.bytes = pinned;
  finding.text = fmt::format(
      "Free blocks of the Strata malloc on pages that live or cached ones share: {}. Of {} less "
      "than a quarter is live. New blocks of the same sizes are put there first.",
      listed_classes(*e.strata_malloc), counted(count_sparse(e.strata_malloc->tally), "span"));
  finding.action =
      "Blocks that live long lie between those that come and go: allocate them from a pool of "
      "their own, or before the load begins. `strata heap --bins` shows each class, `strata heap "
      "--chunks` each block.";
  finding.saves =
      fmt::format("At most {}; malloc_trim(0) gives back none of it.", humanised(pinned));
  return finding;
}

}  // namespace strata
