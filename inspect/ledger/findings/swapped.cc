// What is in swap, and whose it is.
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

constexpr std::size_t kMostNamed = 3;

}  // namespace

std::optional<Finding> check_swapped(const Explanation& e) {
  // Page tables show private memory alone; of shared memory in swap only smaps knows.
  const Bytes own = e.ledger.sum().swapped;
  Bytes by_smaps;
  for (const MappingUsage& u : e.usage) by_smaps += u.swapped;
  const Bytes shared = saturating_sub(by_smaps, own);
  const Bytes total = own + shared;
  if (!is_worth_a_line(total, e)) return std::nullopt;
  Finding finding;
  finding.bytes = total;
  finding.text = "In swap; touching it waits for the disk.";
  if (own > 0_B) {
    finding.text += fmt::format(
        " Mostly: {}.",
        listed(e, widest_accounts(e, [](const Measure& m) { return m.swapped; }, kMostNamed)));
  }
  if (shared > 0_B) finding.text += fmt::format(" {} of it is shared memory.", humanised(shared));
  finding.action =
      "See whether it is needed: `vmstat 1` (si) shows pages coming back. If they do, the machine "
      "lacks memory: lower a cache, move a service. If they do not, it is well where it is.";
  finding.saves = fmt::format("No memory: bringing it back takes {} of it.", humanised(total));
  return finding;
}

}  // namespace strata
