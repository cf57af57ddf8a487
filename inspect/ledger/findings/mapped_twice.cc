// One file mapped more than once in a process: RSS counts its pages once a mapping.
#include <algorithm>
#include <map>
#include <tuple>

#include "base/printable.h"
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

struct Views {
  std::string name;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> offsets;  // from, to
  Bytes resident;                                                // the file's own pages
};

/// How much of the file is in any of the mappings.
Bytes covered(std::vector<std::pair<std::uint64_t, std::uint64_t>> offsets) {
  std::sort(offsets.begin(), offsets.end());
  std::uint64_t sum = 0, end = 0;
  for (const auto& [from, to] : offsets) {
    if (to > end) sum += to - std::max(from, end);
    end = std::max(end, to);
  }
  return Bytes{sum};
}

}  // namespace

std::optional<Finding> check_mapped_twice(const Explanation& e) {
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>, Views> files;
  for (std::size_t i = 0; i < e.mappings.size() && i < e.space.mappings.size(); ++i) {
    const Mapping& m = e.space.mappings[i];
    const Measure& measure = e.mappings[i].measure;
    const Bytes of_file = saturating_sub(measure.resident, measure.anonymous);
    if (!m.has_file() || of_file == 0_B) continue;
    Views& views = files[{m.device_major, m.device_minor, m.inode}];
    views.name = m.name;
    views.offsets.emplace_back(m.offset.value, m.offset.value + m.range.size().value);
    views.resident += of_file;
  }
  // A page of the file counts rightly once. More than the file has there is counted again: a lower
  // bound, met where the mappings are resident throughout.
  Bytes total, worst;
  const Views* widest = nullptr;
  for (const auto& [key, views] : files) {
    const Bytes again = saturating_sub(views.resident, covered(views.offsets));
    total += again;
    if (again > worst) {
      worst = again;
      widest = &views;
    }
  }
  if (widest == nullptr || !is_worth_a_line(total, e)) return std::nullopt;
  Finding finding;
  finding.kind = Finding::Kind::kExplains;
  finding.bytes = total;
  finding.text = fmt::format(
      "At least so much counts twice in RSS: the same file is mapped in several places. Most: {} "
      "in {} mappings, {} counted again.",
      printable(widest->name), widest->offsets.size(), humanised(worst));
  finding.action = "Take it off RSS (PSS counts it right). Map it once if the addresses allow.";
  finding.saves = "Nothing but page tables: the pages are there once.";
  return finding;
}

}  // namespace strata
