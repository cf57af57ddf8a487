// VIRT is large because address space was reserved, which costs next to nothing.
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

// Below this no limit, no monitor and no reader of top is struck by it.
constexpr Bytes kLeastReserved = 1_GiB;
// Ordinary programs map up to some three times what they use: libraries, stacks, 64 MiB sub-heaps.
constexpr std::uint64_t kLeastTimes = 4;
constexpr std::size_t kMostNamed = 3;
constexpr std::uint64_t kLeastNamed = 20;  // one in so many; every library has some pages untouched

struct Setting {
  std::string_view account;
  const char* how;
};
constexpr Setting kSettings[] = {
    {"heap / glibc", "glibc reserves 64 MiB an arena: GLIBC_TUNABLES=glibc.malloc.arena_max=2"},
    {"heap / JVM",
     "the JVM reserves -Xmx, -XX:ReservedCodeCacheSize and "
     "-XX:CompressedClassSpaceSize"},
    {"stacks", "each thread reserves `ulimit -s`, or what pthread_attr_setstacksize says"},
};

/// Who reserved it is not known: where it is may tell its owner.
std::string largest_range(const Explanation& e, AccountId account) {
  if (account_name(e.ledger.chart(), account) != "unexplained") return "";
  Range largest;
  for (std::size_t i = 0; i < e.mappings.size() && i < e.space.mappings.size(); ++i) {
    const Range range = e.space.mappings[i].range;
    if (e.mappings[i].purpose == account && range.size() > largest.size()) largest = range;
  }
  if (largest.empty()) return "";
  return fmt::format(" (nobody is known to own it; largest at {:#x}, {})", largest.start.value,
                     humanised(largest.size()));
}

}  // namespace

std::optional<Finding> check_virtual_far_above_resident(const Explanation& e) {
  const Measure sum = e.ledger.sum();
  const Bytes untouched = sum.untouched();
  if (untouched < kLeastReserved || sum.virtual_size < held(e) * kLeastTimes) return std::nullopt;
  const auto widest = widest_groups(e, [](const Measure& m) { return m.untouched(); }, kMostNamed);
  std::string names, how;
  // With nobody far ahead, the first is named all the same.
  for (const Ranked& r : widest) {
    if (!names.empty() && r.bytes * kLeastNamed < untouched) break;
    const std::string name = account_name(e.ledger.chart(), r.account);
    const std::string& why = e.ledger.chart().sentence(e.ledger.evidence(r.account));
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ", name, humanised(r.bytes));
    names += why.empty() ? largest_range(e, r.account) : " (" + why + ")";
    for (const Setting& s : kSettings) {
      if (name.starts_with(s.account) && how.empty()) how = fmt::format(" Here: {}.", s.how);
    }
  }
  Finding finding;
  finding.kind = Finding::Kind::kExplains;
  finding.bytes = untouched;
  finding.text = fmt::format(
      "Reserved and never touched, of {} mapped (VIRT); it takes up no memory. Who reserved most: "
      "{}.",
      humanised(sum.virtual_size), names);
  finding.action =
      "Watch RSS, not VIRT. Only `ulimit -v` and vm.overcommit_memory=2 count reservations: raise "
      "that limit, or reserve less." +
      how;
  finding.saves = "No memory: what was never touched has no pages.";
  return finding;
}

}  // namespace strata
