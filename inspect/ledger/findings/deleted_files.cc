// Files that were deleted or replaced and are still mapped, as after an upgrade without a restart.
#include <set>

#include "base/printable.h"
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

// Memory that only looks like a deleted file: memfds, System V segments, shared anonymous memory.
constexpr std::string_view kNotOnDisk[] = {"/memfd:", "/SYSV", "/dev/", "/[aio]", "/anon_hugepage"};

bool is_deleted_file(const Mapping& m) {
  if (!m.deleted || !m.has_file() || !m.name.starts_with('/')) return false;
  for (const std::string_view prefix : kNotOnDisk) {
    if (m.name.starts_with(prefix)) return false;
  }
  return true;
}

}  // namespace

std::optional<Finding> check_deleted_files(const Explanation& e) {
  Bytes resident, worst;
  std::set<std::string_view> names;
  std::string widest;
  bool runs_code = false;
  for (std::size_t i = 0; i < e.mappings.size() && i < e.space.mappings.size(); ++i) {
    const Mapping& m = e.space.mappings[i];
    if (!is_deleted_file(m)) continue;
    const Bytes bytes = e.mappings[i].measure.resident;
    resident += bytes;
    names.insert(m.name);
    runs_code |= m.executable;
    if (bytes > worst || widest.empty()) {
      worst = bytes;
      widest = m.name;
    }
  }
  // Old code matters however small it is: it may be what the upgrade was to mend.
  if (resident == 0_B || (!runs_code && !is_worth_a_line(resident, e))) return std::nullopt;
  Finding finding;
  finding.kind = runs_code ? Finding::Kind::kCosts : Finding::Kind::kExplains;
  finding.bytes = resident;
  finding.text = fmt::format("{} deleted and still mapped: {}{}.{}",
                             names.size() == 1 ? "A file" : "Files", printable(widest),
                             names.size() == 1 ? "" : fmt::format(" and {} more", names.size() - 1),
                             runs_code ? " The old code still runs." : "");
  finding.action = runs_code
                       ? "Restart it: then it runs what is installed now."
                       : "Nothing, if it is meant as a scratch file; else close and unmap it.";
  finding.saves = "The files' space on disk, which is free once nobody maps or holds them.";
  return finding;
}

}  // namespace strata
