// Pages of mapped files that are as on disk: they look like a leak, and the kernel drops them at
// need. Code and data of modules are left out: every process has those.
#include <algorithm>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

// Less than this nobody takes for a leak.
constexpr Bytes kLeastClean = 16_MiB;
constexpr std::size_t kMostNamed = 3;

}  // namespace

std::optional<Finding> check_clean_file_pages(const Explanation& e) {
  const Chart& chart = e.ledger.chart();
  // By what the ledger calls it: memfds and shared memory have names too and are on no disk.
  const auto all_files = chart.find({"mapped", "files"});
  if (!all_files) return std::nullopt;
  ByPurpose files(e);
  Bytes clean;
  for_each_usage(e, [&](const MappingUsage& u, const Mapping&, const MappingEntry& entry) {
    if (!chart.is_under(entry.purpose, *all_files)) return;
    const Bytes of_file = saturating_sub(u.resident, u.anonymous);
    const Bytes bytes = std::min(u.shared_clean + u.private_clean, of_file);
    files.add(entry, bytes);
    clean += bytes;
  });
  // A file on a tmpfs is called a file too, but the kernel counts its pages as shared memory.
  clean = std::min(clean, e.moment.after.resident_file.value_or(clean));
  if (clean < kLeastClean || !is_worth_a_line(clean, e)) return std::nullopt;
  Finding finding;
  finding.kind = Finding::Kind::kExplains;
  finding.bytes = clean;
  finding.text = fmt::format(
      "Clean pages of mapped files, {:.0f} % of RSS: cache that the kernel drops when memory gets "
      "short. Largest: {}.",
      percent(clean, e.ledger.sum().resident), listed(e, files.widest(kMostNamed)));
  finding.action =
      "It is no leak. Watch anonymous memory (RssAnon in /proc/PID/status) instead of RSS, and in "
      "a "
      "container the working set. To have it leave RSS now: madvise(MADV_DONTNEED) on the mapping.";
  finding.saves = fmt::format("{} of RSS; no memory that another program lacks.", humanised(clean));
  return finding;
}

}  // namespace strata
