#include <algorithm>
#include <array>

#include "inspect/ledger/finding.h"
#include "inspect/ledger/findings/checks.h"

namespace strata {
namespace {

constexpr std::array kRules = {
    Rule{"clean-file-pages", check_clean_file_pages},
    Rule{"deleted-files", check_deleted_files},
    Rule{"faults", check_faults},
    Rule{"file-copies", check_file_copies},
    Rule{"forked-sibling", check_forked_sibling},
    Rule{"heap-arena-hoarding", check_heap_arena_hoarding},
    Rule{"heap-free-but-resident", check_heap_free_but_resident},
    Rule{"heap-many-arenas", check_heap_many_arenas},
    Rule{"heap-stuck-under-top", check_heap_stuck_under_top},
    Rule{"heap-tcache", check_heap_tcache},
    Rule{"heap-threshold-moved", check_heap_threshold_moved},
    Rule{"huge-pages", check_huge_pages},
    Rule{"lazily-freed", check_lazily_freed},
    Rule{"locked", check_locked},
    Rule{"many-mappings", check_many_mappings},
    Rule{"mapped-twice", check_mapped_twice},
    Rule{"page-tables", check_page_tables},
    Rule{"strata-caches", check_strata_caches},
    Rule{"strata-free-kept", check_strata_free_kept},
    Rule{"strata-spans-pinned", check_strata_spans_pinned},
    Rule{"swapped", check_swapped},
    Rule{"thread-stacks", check_thread_stacks},
    Rule{"tools-disagree", check_tools_disagree},
    Rule{"virtual-far-above-resident", check_virtual_far_above_resident},
};

}  // namespace

std::span<const Rule> rules() { return kRules; }

std::vector<Finding> find_findings(const Explanation& explanation) {
  std::vector<Finding> findings;
  if (explanation.identity.kind == TargetKind::kCore) return findings;
  for (const Rule& rule : rules()) {
    auto finding = rule.check(explanation);
    if (!finding) continue;
    finding->id = rule.id;
    findings.push_back(std::move(*finding));
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.bytes > b.bytes;
  });
  return findings;
}

}  // namespace strata
