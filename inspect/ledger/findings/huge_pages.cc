// Anonymous memory in huge pages: one byte written holds 2 MiB.
// Source  smaps' AnonHugePages; Linux Documentation/admin-guide/mm/transhuge.rst.
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

constexpr Bytes kHugePage = 2_MiB;
constexpr std::size_t kMostNamed = 3;

std::string where(const Explanation& e) {
  return listed(e,
                widest_accounts(
                    e, [](const Measure& m) { return std::min(m.huge, m.anonymous); }, kMostNamed));
}

Finding not_counted(Bytes huge, const Explanation& e) {
  Finding finding;
  finding.kind = Finding::Kind::kExplains;
  finding.bytes = huge;
  finding.text =
      fmt::format("In {}: where a byte of one is touched, all 2 MiB are resident. {}",
                  counted(huge / kHugePage, "huge page"),
                  e.means.pagemap_scan ? fmt::format("Mostly: {}.", where(e))
                                       : "Which they are cannot be told without PAGEMAP_SCAN.");
  finding.action = "See how much of it was never written: strata explain --count-zero.";
  finding.saves = "Not known until it is counted.";
  return finding;
}

}  // namespace

std::optional<Finding> check_huge_pages(const Explanation& e) {
  Bytes huge;
  for (const MappingUsage& u : e.usage) huge += u.anonymous_huge;
  if (huge < kHugePage || !is_worth_a_line(huge, e)) return std::nullopt;
  if (!e.huge_contents || e.huge_contents->read == 0_B) return not_counted(huge, e);
  const HugeContents& c = *e.huge_contents;
  Finding finding;
  finding.bytes = c.zero;
  finding.text = fmt::format(
      "Of {} in huge pages {} is zero, {:.0f} % of what was read{}: 4 KiB pages that hold nothing. "
      "Huge pages: {}.",
      humanised(huge), humanised(c.zero), percent(c.zero, c.read),
      c.unread > 0_B ? fmt::format(" ({} could not be)", humanised(c.unread)) : "", where(e));
  if (!is_worth_a_line(c.zero, e)) {
    finding.kind = Finding::Kind::kExplains;
    finding.bytes = huge;
    finding.action = "Nothing: the huge pages are used.";
    finding.saves = "Nothing.";
    return finding;
  }
  finding.action =
      "For this memory turn huge pages off: madvise(MADV_NOHUGEPAGE), for the whole process "
      "prctl(PR_SET_THP_DISABLE), for the machine `echo madvise > "
      "/sys/kernel/mm/transparent_hugepage/enabled`; then restart.";
  finding.saves = fmt::format("{}, as far as these pages stay unwritten.", humanised(c.zero));
  return finding;
}

}  // namespace strata
