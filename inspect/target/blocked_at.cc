#include "inspect/target/blocked_at.h"

#include <fmt/core.h>
#include <sched.h>
#include <sys/syscall.h>

#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

namespace strata {
namespace {

// "NR ARG1 … ARG6 SP PC", the number decimal and the others 0x…; "running" or "-1 SP PC" else.
std::vector<std::uint64_t> parse_syscall_line(std::string_view line) {
  std::vector<std::uint64_t> fields;
  while (!line.empty() && fields.size() < 9) {
    const std::size_t end = std::min(line.find_first_of(" \n"), line.size());
    std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    int base = 10;
    if (word.starts_with("0x")) {
      word.remove_prefix(2);
      base = 16;
    }
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), value, base);
    if (parsed.ec != std::errc{} || parsed.ptr != word.data() + word.size()) return {};
    fields.push_back(value);
  }
  return fields;
}

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
    const std::size_t name_end = stat->rfind(')');
    if (name_end != std::string::npos && name_end + 2 < stat->size()) {
      at.state = (*stat)[name_end + 2];
    }
  }
  std::vector<std::uint64_t> fields;
  if (const auto line = read_text(tasks.fd(), fmt::format("{}/syscall", tid), 4_KiB)) {
    fields = parse_syscall_line(*line);
  }
  if (fields.size() < 9) {
    at.reason = at.state == '?' ? "ended meanwhile"
                                : fmt::format("was not reached in time (state {})", at.state);
    return at;
  }
  at.stack_pointer = Address{fields[7]};
  at.instruction_pointer = Address{fields[8]};
  at.reason =
      at.state == 'D' && waits_for_vfork_child(fields[0], fields[1])
          ? "waits for its vfork child to exec or end"
          : fmt::format("waits in the kernel in system call {} (state {})", fields[0], at.state);
  return at;
}

}  // namespace strata
