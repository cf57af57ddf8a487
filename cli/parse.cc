// The only place that knows CLI11; its own failure texts are replaced by ours.
#include <CLI/CLI.hpp>
#include <deque>

#include "base/printable.h"
#include "cli/command.h"

namespace strata {
namespace {

/// The option whose name is nearest to what was typed, if any is near.
std::string_view nearest_option(const Command& command, std::string_view typed) {
  const auto distance = [](std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= b.size(); ++j) {
        const std::size_t above = row[j];
        row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
        diagonal = above;
      }
    }
    return row.back();
  };
  std::string_view best;
  std::size_t least = 4;
  for (const Option& option : command.options) {
    const std::size_t d = distance(typed, option.name);
    if (d < least) {
      least = d;
      best = option.name;
    }
  }
  return best;
}

Failure usage(const Command& command, std::string message, std::string_view near = "") {
  std::string help = near.empty() ? "" : fmt::format("did you mean {}? ", near);
  help += fmt::format("`strata {} --help` lists what it takes", command.name);
  return Failure(Error{Cause::kUsage, std::move(message), {}, std::move(help)});
}

/// An option with too much or too little behind it. CLI11 says which, as "--sort: 1 required …".
Failure misused(const Command& command, std::string_view message) {
  for (const Option& option : command.options) {
    if (!message.starts_with(std::string(option.name) + ":")) continue;
    return usage(command, fmt::format("strata {}: {} takes one {}, once", command.name, option.name,
                                      option.value));
  }
  return usage(command, fmt::format("strata {}: {}", command.name, printable(message)));
}

/// The options and the `arguments` among `words`.
Result<Invocation> parse_words(const Command& command, const std::vector<std::string>& words,
                               std::span<const Argument> arguments) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::deque<std::string> values(command.options.size());
  std::vector<CLI::Option*> added;
  for (std::size_t i = 0; i < command.options.size(); ++i) {
    const Option& option = command.options[i];
    const std::string name(option.name);
    added.push_back(option.value.empty() ? app.add_flag(name)
                                         : app.add_option(name, values[i])->expected(1));
  }
  // CLI11 takes "--json=no" for --json.
  for (const std::string& word : words) {
    if (word == "--") break;
    for (const Option& option : command.options) {
      if (!option.value.empty() || !word.starts_with(std::string(option.name) + "=")) continue;
      return usage(command, fmt::format("strata {}: {} takes no value", command.name, option.name));
    }
  }
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return misused(command, error.what());
  }
  Invocation invocation;
  for (std::size_t i = 0; i < added.size(); ++i) {
    if (added[i]->count() > 0) invocation.set(command.options[i].name, values[i]);
  }
  // Behind "--" everything is an argument, whatever it begins with.
  std::vector<std::string> rest;
  auto takes_options = true;
  for (const std::string& word : app.remaining()) {
    if (takes_options && word == "--") {
      takes_options = false;
      continue;
    }
    if (takes_options && word.size() > 1 && word[0] == '-') {
      return usage(command,
                   fmt::format("strata {} has no option {}", command.name, printable(word)),
                   nearest_option(command, word));
    }
    invocation.add_argument(word);
    rest.push_back(word);
  }
  if (rest.size() < arguments.size()) {
    return usage(command, fmt::format("strata {} needs {}: {}", command.name,
                                      arguments[rest.size()].name, arguments[rest.size()].help));
  }
  if (rest.size() > arguments.size()) {
    return usage(command, fmt::format("strata {} does not know what to do with {}", command.name,
                                      printable(rest[arguments.size()])));
  }
  return invocation;
}

/// Of a command that only runs a program.
Result<Invocation> parse_always(const Command& command, const std::vector<std::string>& words,
                                const std::vector<std::string>& before) {
  // `before` ends where "--" is, if it is anywhere.
  if (before.size() + 1 >= words.size()) {
    return usage(command, fmt::format("strata {} needs a program behind --: `strata {} -- CMD`",
                                      command.name, command.name));
  }
  auto invocation = parse_words(command, before, {});
  if (invocation) {
    const auto first = words.begin() + static_cast<std::ptrdiff_t>(before.size()) + 1;
    invocation->set_program({first, words.end()});
  }
  return invocation;
}

}  // namespace

std::optional<std::string> Invocation::value(std::string_view option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? std::nullopt : std::optional(found->second);
}

Result<Invocation> parse(const Command& command, const std::vector<std::string>& words) {
  const auto behind = std::find(words.begin(), words.end(), "--");
  const std::vector<std::string> before(words.begin(), behind);
  if (command.runs == Command::kAlways) return parse_always(command, words, before);
  if (command.runs.empty() ||
      std::find(before.begin(), before.end(), command.runs) == before.end()) {
    return parse_words(command, words, command.arguments);
  }
  if (behind == words.end() || behind + 1 == words.end()) {
    return usage(command, fmt::format("strata {} {} needs a program: `strata {} {} -- CMD`",
                                      command.name, command.runs, command.name, command.runs));
  }
  auto invocation = parse_words(command, before, {});
  if (invocation) invocation->set_program({behind + 1, words.end()});
  return invocation;
}

}  // namespace strata
