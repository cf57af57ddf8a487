#include "inspect/target/refusal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "base/printable.h"

namespace strata {
namespace {

// The first number in the line `name` of a status file.
std::optional<long> find_number(std::string_view status, std::string_view name) {
  // Only our own kernel's lines: a comm cannot hold a raw newline here, status escapes it.
  const std::string label = "\n" + std::string(name) + ":";
  std::size_t at = status.find(label);
  if (at == std::string_view::npos) return std::nullopt;
  at = status.find_first_not_of(" \t", at + label.size());
  if (at == std::string_view::npos) return std::nullopt;
  long number = 0;
  const char* end = status.data() + status.size();
  if (std::from_chars(status.data() + at, end, number).ec != std::errc{}) return std::nullopt;
  return number;
}

std::string named(pid_t pid) {
  auto name = read_text(AT_FDCWD, fmt::format("/proc/{}/comm", pid), 4_KiB);
  if (!name || name->empty()) return fmt::format("process {}", pid);
  if (name->back() == '\n') name->pop_back();
  return fmt::format("process {} ({})", pid, printable(*name));
}

long yama_scope() {
  const auto text = read_text(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", 4_KiB);
  return text && !text->empty() ? (*text)[0] - '0' : 0;
}

}  // namespace

Error explain_refusal(const File& tasks, pid_t pid, pid_t tid, int error_number) {
  const auto status = read_text(tasks.fd(), fmt::format("{}/status", tid), 64_KiB);
  const std::string what = fmt::format("cannot stop {}", named(pid));
  if (!status) return {Cause::kGone, what + ": it ended meanwhile", {}, {}};

  if (const auto tracer = find_number(*status, "TracerPid"); tracer && *tracer > 0) {
    const auto by = static_cast<pid_t>(*tracer);
    if (named(by).find("(freeze-keeper)") != std::string::npos) {
      return {Cause::kPermission,
              what + ": another strata is reading it at this moment",
              {},
              "wait a second and try again, or leave out --freeze"};
    }
    return {Cause::kPermission,
            fmt::format("{}: its thread {} is traced by {}", what, tid, named(by)),
            {},
            fmt::format("a thread can have one tracer: end {} or detach it, or leave out --freeze",
                        named(by))};
  }
  if (!find_number(*status, "VmSize")) {
    return {Cause::kUnsupported, what + ": it is a kernel thread, or is ending", {}, {}};
  }

  Error error{cause_of_errno(error_number), {}, {}, {}};
  if (error_number == EPERM || error_number == EACCES) error.cause = Cause::kPermission;
  error.message = fail_errno(error_number, what + ": ptrace").value().message;
  const long scope = yama_scope();
  if (scope >= 3) {
    error.context.push_back("kernel.yama.ptrace_scope is 3, so no process may trace another");
    error.help = "leave out --freeze; the setting can be changed by a reboot only";
  } else if (scope == 2) {
    error.context.push_back("kernel.yama.ptrace_scope is 2, so only CAP_SYS_PTRACE may trace");
    error.help = "run strata with sudo, or leave out --freeze";
  } else if (const auto owner = find_number(*status, "Uid"); owner && *owner != getuid()) {
    error.context.push_back(
        fmt::format("it belongs to user {}, strata runs as user {}", *owner, getuid()));
    error.help = "run strata with sudo";
  } else if (scope == 1) {
    error.context.push_back("kernel.yama.ptrace_scope is 1, so only a parent may trace a process");
    error.help = "run strata with sudo, or leave out --freeze";
  } else {
    error.context.push_back(
        "it may have capabilities that strata lacks, be set-user-ID, forbid tracing (prctl), or a "
        "container's seccomp filter or security module may");
    error.help = "run strata with sudo; in a container add the capability SYS_PTRACE";
  }
  return error;
}

}  // namespace strata
