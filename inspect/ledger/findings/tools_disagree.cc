// Why top, ps, smem and the container's figure differ, and what none of them shows.
#include <algorithm>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

// RSS less PSS is at least what is shared with other processes; libraries alone make it 2 to 3 MiB
// in every process, and nobody asks about those.
constexpr Bytes kLeastShared = 4_MiB;
constexpr std::uint64_t kLeastShare = 4;  // one in so many

struct Figures {
  Bytes resident;
  Bytes proportional;
  Bytes unique;
};

Figures figures(const Explanation& e) {
  Figures f;
  for (const MappingUsage& u : e.usage) {
    f.resident += u.resident;
    f.proportional += u.proportional;
    f.unique += u.private_clean + u.private_dirty;
  }
  return f;
}

/// What no column of top shows, as "a 4.0 MiB, b 1.0 MiB".
std::string uncounted(const Explanation& e, Bytes& total) {
  const Measure sum = e.ledger.sum();
  std::string list;
  const auto add = [&](Bytes bytes, const char* what) {
    if (bytes == 0_B) return;
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", humanised(bytes), what);
    total += bytes;
  };
  add(sum.hugetlb, "in the huge page pool");
  add(e.beside.unmapped_memfds, "in memfds that it holds open and does not map");
  add(sum.uncounted, "of device memory");
  return list;
}

}  // namespace

std::optional<Finding> check_tools_disagree(const Explanation& e) {
  Bytes outside;
  const std::string list = uncounted(e, outside);
  const Figures f = figures(e);
  const Bytes by_top = e.moment.after.statm_resident.value_or(f.resident);
  const Bytes shared = saturating_sub(f.resident, f.proportional);
  const bool parts = shared >= kLeastShared && shared * kLeastShare >= f.resident;
  const Bytes by_stat = e.moment.after.stat_resident.value_or(by_top);
  const Bytes gap = by_stat > by_top ? by_stat - by_top : by_top - by_stat;
  const bool drifts = gap >= kLeastShared && is_worth_a_line(gap, e);
  const bool hides = is_worth_a_line(outside, e);
  if (!parts && !drifts && !hides) return std::nullopt;
  Finding finding;
  finding.kind = hides ? Finding::Kind::kCosts : Finding::Kind::kExplains;
  finding.bytes = hides ? outside : std::max(shared, gap);
  std::string& text = finding.text;
  if (hides) text = fmt::format("In no tool's RSS: {}.", list);
  if (parts) {
    text += fmt::format(
        "{}top (RES), ps and pmap say {}, with shared pages in full; smem's PSS says {}, with each "
        "divided by its users; USS, what ending the process frees, is {}.",
        hides ? " " : "", humanised(by_top), humanised(f.proportional), humanised(f.unique));
  }
  if (drifts) {
    text += fmt::format(" /proc/PID/stat says {}: the kernel keeps it approximate.",
                        humanised(by_stat));
  }
  if (!hides && !parts) text += fmt::format(" RSS is {}.", humanised(by_top));
  if (text.starts_with(' ')) text.erase(0, 1);
  finding.action = "Use PSS to add processes up, USS for what one costs, RSS for neither.";
  if (hides) finding.action += " Close what is held open, or count it in where you set limits.";
  finding.saves = hides ? fmt::format("{} where it is given up.", humanised(outside))
                        : "Nothing: these are views of the same memory.";
  return finding;
}

}  // namespace strata
