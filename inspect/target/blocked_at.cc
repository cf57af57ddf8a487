#include "inspect/target/blocked_at.h"

#include <fmt/core.h>
#include <sched.h>
#include <sys/syscall.h>

#include <cstdint>
#include <optional>

#include "inspect/target/process_text.h"

namespace strata {
namespace {

bool waits_for_vfork_child(std::uint64_t number, std::uint64_t first_argument) {
#ifdef SYS_vfork
  if (number == SYS_vfork) return true;
#endif
  // clone3 has its flags in memory; it blocks without a signal getting through only for this.
  return number == SYS_clone3 || (number == SYS_clone && (first_argument & CLONE_VFORK) != 0);
}

}  // namespace

BlockedAt read_blocked_at(const File& tasks, pid_t tid) {
  BlockedAt at;
  if (const auto stat = read_text(tasks.fd(), fmt::format("{}/stat", tid), 4_KiB)) {
    if (const auto head = parse_stat_head(*stat)) at.state = head->state;
  }
  const auto line = read_text(tasks.fd(), fmt::format("{}/syscall", tid), 4_KiB);
  const auto call = line ? parse_blocked_call(*line) : std::nullopt;
  if (!call || !call->number) {
    at.reason = at.state == '?' ? "ended meanwhile"
                                : fmt::format("was not reached in time (state {})", at.state);
    return at;
  }
  at.stack_pointer = call->stack_pointer;
  at.instruction_pointer = call->instruction_pointer;
  at.reason = at.state == 'D' && waits_for_vfork_child(*call->number, call->first_argument)
                  ? "waits for its vfork child to exec or end"
                  : fmt::format("waits in the kernel in system call {} (state {})", *call->number,
                                at.state);
  return at;
}

}  // namespace strata
