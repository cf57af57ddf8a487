// The number of mappings nears vm.max_map_count, where mmap, mprotect and even munmap fail with
// ENOMEM while memory is free.
#include <map>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

// Half of the limit: a process that doubles is in trouble, and there is still time.
constexpr std::uint64_t kNear = 2;

}  // namespace

std::optional<Finding> check_many_mappings(const Explanation& e) {
  const std::uint64_t count = e.space.mappings.size();
  if (!e.most_mappings || count * kNear < *e.most_mappings) return std::nullopt;
  struct Share {
    std::uint64_t count = 0;
    Measure measure;
  };
  std::map<AccountId, Share> shares;
  for (const MappingEntry& entry : e.mappings) {
    Share& share = shares[entry.purpose];
    ++share.count;
    share.measure.add(entry.measure);
  }
  const std::pair<const AccountId, Share>* most = nullptr;
  for (const auto& share : shares) {
    if (most == nullptr || share.second.count > most->second.count) most = &share;
  }
  if (most == nullptr || most->second.measure.virtual_size == 0_B) return std::nullopt;
  const Share& worst = most->second;
  Finding finding;
  finding.bytes = worst.measure.virtual_size;
  finding.text = fmt::format(
      "{} mappings of the {} that vm.max_map_count allows. Beyond it mmap, mprotect, munmap and "
      "thread creation fail with ENOMEM, whatever memory is free. {} of them are {}: {} mapped in "
      "pieces of {} on average.",
      count, *e.most_mappings, worst.count, account_name(e.ledger.chart(), most->first),
      humanised(worst.measure.virtual_size),
      humanised(Bytes{worst.measure.virtual_size.value / worst.count}));
  finding.action = fmt::format(
      "Now: sysctl -w vm.max_map_count={}. Then stop splitting: each mprotect or munmap of a part "
      "cuts a mapping in two (guard pages, stacks, garbage collectors that change protection).",
      *e.most_mappings * 2);
  finding.saves = "No memory: it keeps the process from failing.";
  return finding;
}

}  // namespace strata
