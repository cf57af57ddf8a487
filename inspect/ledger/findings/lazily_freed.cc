// Memory given up by MADV_FREE: it counts as resident until the kernel needs it.
// Source  madvise(2); smaps' LazyFree, which leaves out what was written again.
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

constexpr std::size_t kMostNamed = 3;

/// Where it is: by account if all of it could be told page by page, else by mapping.
std::string where(const Explanation& e, Bytes total) {
  if (e.ledger.sum().lazily_freed == total) {
    return listed(e,
                  widest_accounts(e, [](const Measure& m) { return m.lazily_freed; }, kMostNamed));
  }
  ByPurpose mappings(e);
  for_each_usage(e, [&](const MappingUsage& u, const Mapping&, const MappingEntry& entry) {
    mappings.add(entry, u.lazily_freed);
  });
  return fmt::format(
      "{} (by mapping: {})", listed(e, mappings.widest(kMostNamed)),
      e.means.page_flags ? "some of it may be in use again" : "telling accounts apart takes root");
}

/// How each allocator is told to give memory back for good.
const char* setting(const Explanation& e) {
  for (const Ranked& r : widest_accounts(e, [](const Measure& m) { return m.anonymous; }, 8)) {
    const std::string name = account_name(e.ledger.chart(), r.account);
    if (name.starts_with("heap / jemalloc")) return "jemalloc: MALLOC_CONF=muzzy_decay_ms:0";
    if (name.starts_with("heap / mimalloc")) return "mimalloc: MIMALLOC_PURGE_DECOMMITS=1";
    if (name.starts_with("heap / Go")) return "Go: GODEBUG=madvdontneed=1";
  }
  return "most allocators have a setting for MADV_DONTNEED instead of MADV_FREE";
}

}  // namespace

std::optional<Finding> check_lazily_freed(const Explanation& e) {
  Bytes total;
  for (const MappingUsage& u : e.usage) total += u.lazily_freed;
  if (!is_worth_a_line(total, e)) return std::nullopt;
  Finding finding;
  finding.kind = Finding::Kind::kExplains;
  finding.bytes = total;
  finding.text =
      fmt::format("Freed already (MADV_FREE), and resident only until the kernel wants it: {}.",
                  where(e, total));
  finding.action = fmt::format(
      "Leave it out when you look for a leak. To see it leave RSS at once, let the allocator "
      "give it back for good ({}).",
      setting(e));
  finding.saves = fmt::format(
      "{} of RSS, and no memory that another program lacks: the kernel takes these pages first.",
      humanised(total));
  return finding;
}

}  // namespace strata
