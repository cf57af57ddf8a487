// Memory that mlock() keeps where it is: the kernel can neither swap nor drop it.
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

constexpr std::size_t kMostNamed = 3;

}  // namespace

std::optional<Finding> check_locked(const Explanation& e) {
  Bytes locked;
  ByPurpose by_purpose(e);
  for_each_usage(e, [&](const MappingUsage& u, const Mapping&, const MappingEntry& entry) {
    // smaps' own figure is divided by the processes that share the pages.
    if (!u.traits.locked) return;
    locked += u.resident;
    by_purpose.add(entry, u.resident);
  });
  if (!is_worth_a_line(locked, e)) return std::nullopt;
  Finding finding;
  finding.bytes = locked;
  finding.text = fmt::format(
      "Locked (mlock, mlockall): the kernel can neither swap it out nor drop it. Mostly: {}.",
      listed(e, by_purpose.widest(kMostNamed)));
  finding.action =
      "Lock only what must not wait. With mlockall(MCL_FUTURE) every stack and reservation is "
      "filled at once: MCL_ONFAULT locks what is touched.";
  finding.saves = "Nothing at once: unlocked, the kernel may take it when memory gets short.";
  return finding;
}

}  // namespace strata
