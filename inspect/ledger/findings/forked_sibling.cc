// Memory shared with forked relatives is counted in each of them; what was written since is there
// twice.
#include <algorithm>

#include "base/printable.h"
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

const char* word(Relation relation) {
  switch (relation) {
    case Relation::kParent:
      return "parent";
    case Relation::kChild:
      return "child";
    case Relation::kSibling:
      return "sibling";
  }
  return "";
}

std::string named(const Relative& r) {
  return fmt::format("{} {} ({})", word(r.relation), r.pid, printable(r.name));
}

Finding shared_address_space(const Explanation& e) {
  Finding finding;
  finding.kind = Finding::Kind::kExplains;
  finding.bytes = e.ledger.sum().resident;
  finding.text = fmt::format(
      "All of it counts twice: another process runs in this very address space (CLONE_VM).");
  finding.action = "Count one of them.";
  finding.saves = "Nothing: it is held once.";
  return finding;
}

std::optional<Finding> compared(const Explanation& e) {
  const Kinship& k = e.kinship;
  Bytes parted;
  const Relative* closest = nullptr;
  std::size_t read = 0;
  for (const Relative& r : k.relatives) {
    if (r.unread.empty()) ++read;
    // Only who still shares something is known to come from a fork without execve().
    if (r.shared == 0_B) continue;
    parted = std::max(parted, r.parted);
    if (closest == nullptr || r.shared > closest->shared) closest = &r;
  }
  if (closest == nullptr || !is_worth_a_line(k.shared + parted, e)) return std::nullopt;
  Finding finding;
  finding.kind = Finding::Kind::kExplains;
  finding.bytes = k.shared;
  finding.text = fmt::format(
      "Shared by fork, page by page, of {} of private memory, and counted in each process. "
      "{} compared; closest is {}: {} shared, {} at the same addresses written apart.",
      humanised(k.compared), counted(read, "relative"), named(*closest), humanised(closest->shared),
      humanised(closest->parted));
  if (read < k.relatives.size()) {
    finding.text += fmt::format(" {} could not be read.", k.relatives.size() - read);
  }
  if (k.not_compared > 0_B) {
    finding.text += fmt::format(" {} was not compared: --compare-all.", humanised(k.not_compared));
  }
  finding.action =
      "Add up PSS, not RSS, over such processes. Each write to a shared page copies it: fork late, "
      "and write little after (Python: gc.freeze() before the fork).";
  finding.saves = fmt::format("Ending this process frees none of the {}.", humanised(k.shared));
  return finding;
}

/// Without page frames: what smaps says of memory that is in no file.
std::optional<Finding> by_smaps(const Explanation& e) {
  Bytes shared, all;
  for_each_usage(e, [&](const MappingUsage& u, const Mapping& m, const MappingEntry&) {
    if (m.has_file() || m.shared) return;
    shared += std::min(u.anonymous, u.shared_clean + u.shared_dirty);
    all += u.anonymous;
  });
  if (!is_worth_a_line(shared, e)) return std::nullopt;
  Finding finding;
  finding.kind = Finding::Kind::kExplains;
  finding.bytes = shared;
  finding.text = fmt::format(
      "Shared with another process, as after a fork, of {} of private memory, and counted in each. "
      "With which one takes root to tell: page frames are hidden.",
      humanised(all));
  finding.action = "Add up PSS, not RSS, over forked processes.";
  finding.saves = "Nothing: it is counted more than once, not held more than once.";
  return finding;
}

}  // namespace

std::optional<Finding> check_forked_sibling(const Explanation& e) {
  if (e.kinship.one_address_space) return shared_address_space(e);
  return e.kinship.by_frames ? compared(e) : by_smaps(e);
}

}  // namespace strata
