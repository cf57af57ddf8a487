#include "inspect/ledger/scan_plan.h"

#include "inspect/page/mapping_query.h"

namespace strata {
namespace {

/// Whether a mapping of which smaps was not read is of the hugetlb pool.
bool is_hugetlb(const Mapping& m, const File& maps) {
  constexpr Bytes kHugePage = 2_MiB;
  const bool could_be = m.has_file() && m.range.start.value % kHugePage.value == 0 &&
                        m.range.size().value % kHugePage.value == 0;
  if (!could_be) return false;
  if (const auto size = maps ? query_page_size(maps, m.range.start) : std::nullopt) {
    return *size >= kHugePage;
  }
  return m.name.starts_with("/anon_hugepage") || m.name.starts_with("/dev/hugepages/");
}

}  // namespace

ScanPlan plan_scan(const Target& target, const Explanation& e) {
  ScanPlan plan;
  File maps;
  if (e.usage.empty() && e.means.procmap_query) {
    if (auto opened = target.open_kernel_file("maps")) maps = std::move(*opened);
  }
  plan.ranges.reserve(e.space.mappings.size());
  auto usage = e.usage.begin();
  for (const Mapping& m : e.space.mappings) {
    // Beyond the user's half of the address space; the kernel refuses to walk it.
    if (m.name == "[vsyscall]") continue;
    ScanRange range{m.range, {}, std::nullopt};
    while (usage != e.usage.end() && usage->range.end <= m.range.start) ++usage;
    bool by_frame = m.name == "anon_inode:[perf_event]";
    if (usage != e.usage.end() && usage->range == m.range) {
      if (usage->traits.hugetlb) range.inherent.set(PageFlag::kHugetlb);
      range.populated =
          usage->resident + usage->swapped + usage->private_hugetlb + usage->shared_hugetlb;
      // The vdso is of this kind too, but its pages are counted, as are rings put in page by page.
      by_frame = usage->traits.frames && usage->resident == 0_B;
    } else if (is_hugetlb(m, maps)) {
      range.inherent.set(PageFlag::kHugetlb);
    }
    // vvar is the kernel's own page, the same in every process.
    if (m.name.starts_with("[vvar")) {
      range.inherent.set(PageFlag::kUncounted);
    } else if (by_frame) {
      plan.hidden.push_back(m.range);
      continue;
    }
    plan.ranges.push_back(range);
  }
  return plan;
}

}  // namespace strata
