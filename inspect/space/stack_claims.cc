// Stacks: what is in use, what lies below the stack pointer, and the thread's own block.
#include "base/printable.h"
#include "inspect/space/claims.h"

namespace strata {
namespace {

// The x86-64 ABI lets a function use 128 bytes below the stack pointer without moving it.
constexpr Bytes kRedZone = 128_B;

std::string account_name(const Stack& stack) {
  if (stack.is_main) return "main";
  if (stack.thread_name.empty()) return fmt::format("thread {}", stack.tid);
  return fmt::format("{} ({})", stack.thread_name, stack.tid);
}

}  // namespace

std::vector<Claim> claim_stacks(const Space& space, Chart& chart) {
  std::vector<Claim> claims;
  const AccountId all = chart.open({"stacks"});
  for (const Stack& stack : space.stacks) {
    const AccountId own = chart.open(all, account_name(stack));
    const EvidenceId why = chart.because(stack.evidence);
    if (!stack.guard.empty()) {
      claims.push_back({stack.guard, chart.open(own, "guard"), why, Rank::kStack});
    }
    claims.push_back({stack.range, chart.open(own, "touched"), why, Rank::kStack});
    if (stack.stack_pointer) {
      const Address used_from = std::max(*stack.stack_pointer - kRedZone, stack.range.start);
      claims.push_back({{stack.range.start, used_from},
                        chart.open(own, "below the stack pointer"),
                        why,
                        Rank::kStackPart});
      claims.push_back(
          {{used_from, stack.range.end}, chart.open(own, "used"), why, Rank::kStackPart});
    }
    if (stack.thread_block) {
      // The main thread's lies beside the libraries, and what names its stack says nothing of it.
      const EvidenceId by_descriptor =
          chart.because(fmt::format("thread {}'s descriptor is in it", stack.tid));
      claims.push_back({*stack.thread_block, chart.open(own, "thread-local storage"), by_descriptor,
                        Rank::kThreadBlock});
    }
  }
  return claims;
}

}  // namespace strata
