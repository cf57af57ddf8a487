// Private mappings of files that were written to: each page written is a copy, no longer the
// file's. Modules are left out: their data is meant to be copied.
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

constexpr std::size_t kMostNamed = 3;

}  // namespace

std::optional<Finding> check_file_copies(const Explanation& e) {
  const Chart& chart = e.ledger.chart();
  const auto mapped = chart.find({"mapped"});
  if (!mapped) return std::nullopt;
  ByPurpose files(e);
  Bytes copies;
  for (std::size_t i = 0; i < e.mappings.size() && i < e.space.mappings.size(); ++i) {
    const MappingEntry& entry = e.mappings[i];
    if (!e.space.mappings[i].has_file() || !chart.is_under(entry.purpose, *mapped)) continue;
    copies += entry.measure.anonymous;
    files.add(entry, entry.measure.anonymous);
  }
  if (!is_worth_a_line(copies, e)) return std::nullopt;
  Finding finding;
  finding.bytes = copies;
  finding.text = fmt::format(
      "Copies of file pages, made by writing to a private mapping (MAP_PRIVATE): the file's name "
      "stands on them, but the kernel can only swap them. Most: {}.",
      listed(e, files.widest(kMostNamed)));
  finding.action =
      "Map read-only what is only read; write through MAP_SHARED what the file is to keep.";
  finding.saves = fmt::format("{} where the writes are not needed.", humanised(copies));
  return finding;
}

}  // namespace strata
