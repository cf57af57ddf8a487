// inspect/ledger/findings/checks.h - the rules, one a file of its name.
// Each looks at an Explanation of a live process and is silent below its threshold; the thresholds
// stand in the rules, with the reason.
#pragma once

#include <optional>

#include "inspect/ledger/finding.h"

namespace strata {

std::optional<Finding> check_clean_file_pages(const Explanation& explanation);
std::optional<Finding> check_deleted_files(const Explanation& explanation);
std::optional<Finding> check_faults(const Explanation& explanation);
std::optional<Finding> check_file_copies(const Explanation& explanation);
std::optional<Finding> check_forked_sibling(const Explanation& explanation);
std::optional<Finding> check_heap_arena_hoarding(const Explanation& explanation);
std::optional<Finding> check_heap_free_but_resident(const Explanation& explanation);
std::optional<Finding> check_heap_many_arenas(const Explanation& explanation);
std::optional<Finding> check_heap_stuck_under_top(const Explanation& explanation);
std::optional<Finding> check_heap_tcache(const Explanation& explanation);
std::optional<Finding> check_heap_threshold_moved(const Explanation& explanation);
std::optional<Finding> check_huge_pages(const Explanation& explanation);
std::optional<Finding> check_lazily_freed(const Explanation& explanation);
std::optional<Finding> check_locked(const Explanation& explanation);
std::optional<Finding> check_many_mappings(const Explanation& explanation);
std::optional<Finding> check_mapped_twice(const Explanation& explanation);
std::optional<Finding> check_page_tables(const Explanation& explanation);
std::optional<Finding> check_strata_caches(const Explanation& explanation);
std::optional<Finding> check_strata_free_kept(const Explanation& explanation);
std::optional<Finding> check_strata_spans_pinned(const Explanation& explanation);
std::optional<Finding> check_swapped(const Explanation& explanation);
std::optional<Finding> check_thread_stacks(const Explanation& explanation);
std::optional<Finding> check_tools_disagree(const Explanation& explanation);
std::optional<Finding> check_virtual_far_above_resident(const Explanation& explanation);

}  // namespace strata
