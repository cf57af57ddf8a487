#include "inspect/ledger/witnesses.h"

#include "inspect/ledger/measure.h"

namespace strata {
namespace {

// Below this the kernel's own walk for smaps_rollup costs some 2 ms and is always worth it.
constexpr Bytes kCheapWalk = 256_MiB;

Bytes sum_of_resident(const std::vector<MappingUsage>& usage) {
  Bytes sum;
  for (const MappingUsage& u : usage) sum += u.resident;
  return sum;
}

/// Why the sum is not VmRSS, as far as it is known; empty where it is.
std::string name_cause(const Explanation& e) {
  if (e.reconciliation.remainder == 0) return "";
  if (e.reconciliation.drift != 0) return "the target's memory changed while it was read";
  if (!e.means.pagemap_scan && !e.means.frames) {
    return "pages that were only read (the zero page) cannot be told from memory here";
  }
  if (!resident_is_exact()) {
    return "this kernel batches VmRSS: it is off by some pages for each thread";
  }
  if (!e.moment.frozen) {
    return "the target ran while it was read; --freeze stops it for the moment of reading";
  }
  return "not known";
}

}  // namespace

void reconcile(Explanation& e) {
  Reconciliation& r = e.reconciliation;
  r.sum = e.ledger.sum().resident;
  r.resident = e.moment.resident_after;
  if (!r.resident) return;
  r.remainder = difference(r.sum, *r.resident);
  r.drift = difference(*e.moment.resident_after, *e.moment.resident_before);
  r.cause = name_cause(e);
}

std::vector<Witness> gather_witnesses(const Target& target, const ExplainOptions& options,
                                      const Explanation& e) {
  const bool exact = resident_is_exact();
  const std::string batched =
      exact ? "" : "this kernel batches the counter: some pages off for each thread";
  const bool still = e.moment.frozen && e.moment.smaps_while_standing;
  const std::string later = "read after the scan, from the running target";
  std::vector<Witness> witnesses;
  witnesses.push_back({"VmRSS before", e.moment.resident_before, exact, batched});
  witnesses.push_back({"VmRSS after", e.moment.resident_after, exact, batched});
  witnesses.push_back({"statm", e.moment.after.statm_resident, exact, batched});
  if (e.usage.empty()) {
    witnesses.push_back({"sum of smaps", std::nullopt, true, e.usage_unread});
  } else {
    witnesses.push_back({"sum of smaps", sum_of_resident(e.usage), still,
                         still ? "" : "read before the scan, from the running target"});
  }
  const bool walks =
      options.witnesses == ExplainOptions::Witnesses::kAll || e.reconciliation.sum < kCheapWalk;
  if (walks) {
    auto rollup = read_smaps_rollup(target);
    if (rollup) {
      witnesses.push_back({"smaps_rollup", rollup->resident, false, later});
    } else {
      witnesses.push_back({"smaps_rollup", std::nullopt, true, rollup.error().message});
    }
  } else {
    witnesses.push_back({"smaps_rollup", std::nullopt, true,
                         "costs one more walk of all page tables: --witnesses all"});
  }
  witnesses.push_back(
      {"/proc/PID/stat", e.moment.after.stat_resident, false, "approximate on every kernel"});
  return witnesses;
}

}  // namespace strata
