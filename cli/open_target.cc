#include "cli/open_target.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/printable.h"
#include "inspect/target/core.h"
#include "inspect/target/process.h"
#include "present/text.h"

namespace strata {
namespace {

Failure ambiguous(const std::string& name, std::vector<ProcessMatch> matches) {
  constexpr std::size_t kMostListed = 12;
  std::sort(matches.begin(), matches.end(),
            [](const ProcessMatch& a, const ProcessMatch& b) { return a.resident > b.resident; });
  Error error{Cause::kUsage,
              fmt::format("{} processes are called {}", matches.size(), printable(name)),
              {},
              "give one's number; they are listed by resident memory"};
  for (std::size_t i = 0; i < std::min(matches.size(), kMostListed); ++i) {
    const ProcessMatch& m = matches[i];
    error.context.push_back(fmt::format("{:>8}  {:>10}  {}", m.pid, humanised(m.resident),
                                        printable(m.command_line.substr(0, 100))));
  }
  if (matches.size() > kMostListed) {
    error.context.push_back(fmt::format("… and {} more", matches.size() - kMostListed));
  }
  return Failure(std::move(error));
}

Result<std::unique_ptr<Target>> open_process(pid_t pid) {
  auto process = Process::open(pid);
  if (!process) return pass(process);
  return std::unique_ptr<Target>(std::move(*process));
}

}  // namespace

Result<std::unique_ptr<Target>> open_target(const std::string& text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error == std::errc{} && end == text.data() + text.size() && pid > 0) return open_process(pid);
  const bool is_path = text.find('/') != std::string::npos;
  // A directory or file may bear a process's name; only a core, or what is clearly a path, is one.
  if (is_path || (access(text.c_str(), F_OK) == 0 && looks_like_core(text))) return open_core(text);
  auto matches = find_processes(text);
  if (!matches) return pass(matches);
  if (matches->size() == 1) return open_process(matches->front().pid);
  if (matches->size() > 1) return ambiguous(text, std::move(*matches));
  return Failure(Error{Cause::kNotFound,
                       fmt::format("no process is called {}, and no core file is",
                                   text.empty() ? "\"\"" : printable(text)),
                       {},
                       "TARGET is a PID, a process's name, or the path of a core file; "
                       "`pgrep -af WORD` looks through command lines"});
}

}  // namespace strata
