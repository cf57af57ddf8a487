// What the threads cost: stacks, kernel stacks, and what deep calls left behind below them.
#include <algorithm>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

// With fewer, their number is not what to change.
constexpr std::size_t kLeastThreads = 16;
// Below the stack pointer a deep call leaves its pages; less than this is ordinary.
constexpr Bytes kLeastBelow = 512_KiB;

struct Costs {
  Bytes reserved;
  Bytes guard;
  Bytes touched;
  Bytes below;  ///< the stack pointer: no longer used
  Ranked widest_below;
};

Costs measure(const Explanation& e) {
  const Chart& chart = e.ledger.chart();
  Costs costs;
  for (const Stack& stack : e.space.stacks) {
    costs.reserved += stack.range.size();
    costs.guard += stack.guard.size();
  }
  for (std::size_t i = 0; i < chart.size(); ++i) {
    const auto path = chart.path(AccountId(i));
    if (path.empty() || path[0] != "stacks") continue;
    const Bytes bytes = e.ledger.own(AccountId(i)).resident;
    costs.touched += bytes;
    if (path.size() < 3 || path[2] != "below the stack pointer") continue;
    costs.below += bytes;
    if (bytes > costs.widest_below.bytes) costs.widest_below = {chart.parent(AccountId(i)), bytes};
  }
  return costs;
}

}  // namespace

std::optional<Finding> check_thread_stacks(const Explanation& e) {
  const std::size_t threads = e.space.threads.size();
  const std::size_t found = e.space.stacks.size();
  if (threads == 0 || found == 0) return std::nullopt;
  const Costs costs = measure(e);
  const Bytes all = costs.touched + e.beside.kernel_stacks;
  const bool many = threads >= kLeastThreads && is_worth_a_line(all, e);
  const bool deep = costs.below >= kLeastBelow && is_worth_a_line(costs.below, e);
  if (!many && !deep) return std::nullopt;
  Finding finding;
  finding.bytes = many ? all : costs.below;
  const Bytes kernel{e.beside.kernel_stacks.value / threads};
  const Bytes one{costs.touched.value / found};
  finding.text =
      fmt::format("{} with {} of stack touched, {} reserved, and {} of kernel stacks beside RSS.",
                  counted(threads, "thread"), humanised(costs.touched), humanised(costs.reserved),
                  humanised(e.beside.kernel_stacks));
  if (many) {
    finding.text += fmt::format(" On average one costs {}: {} of stack, {} in the kernel.",
                                humanised(one + kernel), humanised(one), humanised(kernel));
  }
  if (found < threads) {
    finding.text += fmt::format(" The stacks of {} were not found.", threads - found);
  }
  if (deep) {
    finding.text += fmt::format(
        " {} lies below the stack pointers, left by deeper calls; most in "
        "{}: {}.",
        humanised(costs.below), account_name(e.ledger.chart(), costs.widest_below.account),
        humanised(costs.widest_below.bytes));
  }
  if (many) {
    finding.action =
        "Run fewer threads: a smaller pool, or one that lets idle threads end. A smaller "
        "stack size (ulimit -s) lowers VIRT alone, not what is touched.";
    finding.saves = fmt::format("On average {} a thread.", humanised(one + kernel));
  }
  if (deep) {
    finding.action += many ? " " : "";
    finding.action +=
        "Move large local arrays to the heap, or bound the recursion; a thread gives "
        "its stack back only when it ends.";
    finding.saves +=
        fmt::format("{}{} below the stack pointers.", many ? " " : "", humanised(costs.below));
  }
  return finding;
}

}  // namespace strata
