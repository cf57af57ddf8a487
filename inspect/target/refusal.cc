#include "inspect/target/refusal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>

#include "base/printable.h"
#include "inspect/target/process_text.h"

namespace strata {
namespace {

std::string named(pid_t pid) {
  auto name = read_text(AT_FDCWD, fmt::format("/proc/{}/comm", pid), 4_KiB);
  if (!name || name->empty()) return fmt::format("process {}", pid);
  if (name->back() == '\n') name->pop_back();
  return fmt::format("process {} ({})", pid, printable(*name));
}

/// kernel.yama.ptrace_scope: 0 where there is no Yama.
std::uint64_t read_yama_scope(const std::string& settings) {
  const auto text = read_text(AT_FDCWD, settings + "/yama/ptrace_scope", 4_KiB);
  return text ? first_number("\n:" + *text, "\n:").value_or(0) : 0;
}

}  // namespace

void explain_by_settings(Error& refused, Wish wish, const std::string& settings) {
  const bool trace = wish != Wish::kRead;
  const bool freeze = wish == Wish::kTrace;
  const std::uint64_t scope = read_yama_scope(settings);
  if (scope >= 3) {
    refused.context.push_back(fmt::format(
        "kernel.yama.ptrace_scope is {}, so no process, root's neither, may trace or read another",
        scope));
    refused.help = "the setting can be changed by a reboot only";
    if (freeze) refused.help = "leave out --freeze; " + refused.help;
    return;
  }
  if (wish == Wish::kStart && scope < 2) {
    refused.context.push_back(
        "a process may trace what it starts, so a seccomp filter (a container's?) or a security "
        "module forbids ptrace");
    refused.help =
        "run it outside of that container, or allow ptrace in it: docker run --cap-add SYS_PTRACE";
    return;
  }
  if (scope == 2 && geteuid() != 0) {
    refused.context.push_back(fmt::format(
        "kernel.yama.ptrace_scope is 2, so only CAP_SYS_PTRACE may {}", trace ? "trace" : "read"));
  } else if (scope == 1 && geteuid() != 0) {
    refused.context.push_back(
        fmt::format("kernel.yama.ptrace_scope is 1, so only a parent or root may {} a process",
                    trace ? "trace" : "look into"));
  }
  if (geteuid() == 0) {
    refused.help =
        "root here lacks CAP_SYS_PTRACE (a container?): run it on the host, or add the capability "
        "SYS_PTRACE to the container";
    return;
  }
  refused.help = "run the same command with sudo";
  if (freeze) refused.help += ", or leave out --freeze";
}

Error explain_refusal(const File& tasks, pid_t pid, pid_t tid, int error_number,
                      const std::string& settings) {
  const auto status = read_text(tasks.fd(), fmt::format("{}/status", tid), 64_KiB);
  const std::string what = fmt::format("cannot stop {}", named(pid));
  if (!status) return {Cause::kGone, what + ": it ended meanwhile", {}, {}};

  if (const auto tracer = first_number(*status, "\nTracerPid:"); tracer && *tracer > 0) {
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
  if (!first_number(*status, "\nVmSize:")) {
    return {Cause::kUnsupported, what + ": it is a kernel thread, or is ending", {}, {}};
  }

  Error error{cause_of_errno(error_number), {}, {}, {}};
  if (error_number == EPERM || error_number == EACCES) error.cause = Cause::kPermission;
  error.message = fail_errno(error_number, what + ": ptrace").value().message;
  const auto owner = first_number(*status, "\nUid:");
  if (owner && *owner != getuid()) {
    error.context.push_back(
        fmt::format("it belongs to user {}, strata runs as user {}", *owner, getuid()));
  }
  explain_by_settings(error, Wish::kTrace, settings);
  if (error.context.empty()) {
    error.context.push_back(
        "it may have capabilities that strata lacks, be set-user-ID, forbid tracing (prctl), or a "
        "container's seccomp filter or security module may");
  }
  return error;
}

}  // namespace strata
