#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"

namespace strata {
namespace {

constexpr std::size_t kWidth = 80;

/// `text` broken at spaces, every line but the first indented.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t used = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (used > indent && used + 1 + end > kWidth) {
      out += "\n" + std::string(indent, ' ');
      used = indent;
    } else if (used > indent) {
      out += ' ';
      ++used;
    }
    out += text.substr(0, end);
    used += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string entry(std::string_view left, std::string_view text, std::size_t column) {
  return fmt::format("  {:<{}}{}\n", left, column - 2, wrapped(text, column));
}

}  // namespace

std::string overview() {
  std::string out =
      "strata - says where a Linux process's memory is, as the process runs\n\n"
      "usage: strata COMMAND [OPTION]... TARGET\n\n"
      "TARGET is a PID, a process's name, or a core file.\n\ncommands:\n";
  for (const Command* command : commands()) out += entry(command->name, command->summary, 12);
  out += entry("help", "this text, that of a command, or the page on a finding: strata help locked",
               12);
  out +=
      "\nexit status: 0 done, 1 found what was looked for, 2 could not, 3 saw only part:\n"
      "  pages that the kernel hides, a target let go too early, a core cut off.\n"
      "NO_COLOR turns colour off. `strata COMMAND --help` says more.\n";
  return out;
}

std::string help(const Command& command) {
  std::string line = fmt::format("usage: strata {}", command.name);
  if (!command.options.empty()) line += " [OPTION]...";
  const bool always_runs = command.runs == Command::kAlways;
  if (always_runs) line += " -- PROGRAM [ARGUMENT]...";
  for (const Argument& argument : command.arguments) line += fmt::format(" {}", argument.name);
  std::string out = line + "\n";
  if (!command.runs.empty() && !always_runs) {
    out += fmt::format("       strata {} {} [OPTION]... -- PROGRAM [ARGUMENT]...\n", command.name,
                       command.runs);
  }
  out += "\n";
  std::string_view text = command.description;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += wrapped(text.substr(0, end), 0) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out += "\n";
  for (const Argument& argument : command.arguments) out += entry(argument.name, argument.help, 24);
  if (!command.options.empty()) out += "\noptions:\n";
  for (const Option& option : command.options) {
    const std::string left = option.value.empty() ? std::string(option.name)
                                                  : fmt::format("{} {}", option.name, option.value);
    out += entry(left, option.help, 24);
  }
  if (!command.settings.empty()) out += "\nsettings:\n";
  for (const Option& setting : command.settings) out += entry(setting.name, setting.help, 24);
  if (!command.examples.empty()) out += "\nexamples:\n";
  for (const std::string_view example : command.examples) out += fmt::format("  {}\n", example);
  return out;
}

}  // namespace strata
