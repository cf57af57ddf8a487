// Page faults since the process began: many small ones mean memory given back and taken again, many
// large ones mean waiting for the disk.
// Source  minflt and majflt of /proc/PID/stat (proc(5)); its children's are not in it.
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

// A process faults its peak in once. Starting up, copies after fork and files read twice make two
// or three of it; more is a cycle.
constexpr std::uint64_t kLeastCycles = 4;
constexpr Bytes kLeastFaulted = 256_MiB;     // some 65,000 faults: below that, no time is lost
constexpr std::uint64_t kLeastMajor = 1000;  // starting from a cold disk takes some hundreds

const char* setting(const Explanation& e) {
  for (const Ranked& r : widest_accounts(e, [](const Measure& m) { return m.anonymous; }, 8)) {
    const std::string name = account_name(e.ledger.chart(), r.account);
    if (name.starts_with("heap / glibc")) {
      return " glibc: GLIBC_TUNABLES=glibc.malloc.mmap_threshold=67108864:"
             "glibc.malloc.trim_threshold=134217728 keeps freed blocks up to 64 MiB.";
    }
    if (name.starts_with("heap / jemalloc")) {
      return " jemalloc: raise MALLOC_CONF=dirty_decay_ms (10000 unless set).";
    }
  }
  return "";
}

}  // namespace

std::optional<Finding> check_faults(const Explanation& e) {
  const Counters& c = e.moment.after;
  const std::uint64_t minor = c.minor_faults.value_or(0);
  const std::uint64_t major = c.major_faults.value_or(0);
  const Bytes faulted = page_size() * minor;
  const Bytes read = page_size() * major;
  const Bytes peak = c.peak_resident.value_or(0_B);
  const bool cycles = peak > 0_B && faulted >= kLeastFaulted && faulted >= peak * kLeastCycles;
  const bool waits = major >= kLeastMajor;
  if (!cycles && !waits) return std::nullopt;
  Finding finding;
  finding.bytes = (cycles ? faulted : 0_B) + (waits ? read : 0_B);
  if (cycles) {
    finding.text = fmt::format(
        "{} minor faults brought in at least {} since it began, {} times its peak of {}: memory is "
        "given back to the kernel and taken anew, zeroed each time.",
        minor, humanised(faulted), faulted / peak, humanised(peak));
    finding.action = fmt::format(
        "Keep and reuse buffers, or let malloc keep them.{} `perf trace -F all -p {}` shows who "
        "faults.",
        setting(e), e.identity.pid);
    finding.saves = fmt::format("No memory: the time of {} faults.", minor);
  }
  if (waits) {
    const char* const gap = cycles ? " " : "";
    finding.text += fmt::format(
        "{}{} major faults read at least {} from disk or swap, and the process waited for each.",
        gap, major, humanised(read));
    finding.action += fmt::format(
        "{}Give it more memory, or use less: its code, files or swapped pages were pushed out and "
        "read back.",
        gap);
    finding.saves += fmt::format("{}The wait for {} reads.", gap, major);
  }
  return finding;
}

}  // namespace strata
