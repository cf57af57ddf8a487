// cli/command.h - the one table from which parsing, help, man pages and completions come.
// A command is a value: its words, its options and a function. Adding one is a file that defines
// it and its line in commands.cc.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata {

struct Option {
  std::string_view name;   ///< "--freeze"
  std::string_view value;  ///< what it takes, as "TIME"; empty for a switch
  std::string_view help;
};

struct Argument {
  std::string_view name;  ///< "TARGET"
  std::string_view help;
};

/// What the user wrote, checked against the command's table.
class Invocation {
 public:
  bool has(std::string_view option) const { return options_.contains(option); }
  /// An option's value; nullopt where it was not given.
  std::optional<std::string> value(std::string_view option) const;
  const std::string& argument(std::size_t index) const { return arguments_[index]; }
  /// What stood behind "--" where Command::runs was given: a program and its arguments.
  const std::vector<std::string>& program() const { return program_; }

  void set(std::string_view option, std::string value) { options_[option] = std::move(value); }
  void add_argument(std::string value) { arguments_.push_back(std::move(value)); }
  void set_program(std::vector<std::string> words) { program_ = std::move(words); }

 private:
  std::map<std::string_view, std::string> options_;
  std::vector<std::string> arguments_;
  std::vector<std::string> program_;
};

enum class Exit : int { kDone = 0, kFound = 1, kFailed = 2, kPartial = 3 };

struct Command {
  std::string_view name;
  std::string_view summary;      ///< one line, in the list of commands
  std::string_view description;  ///< paragraphs, in the command's own help
  std::span<const Argument> arguments;
  std::span<const Option> options;
  std::span<const std::string_view> examples;
  Result<Exit> (*run)(const Invocation& invocation);
  /// The option with which a program and its arguments stand behind "--", in place of the command's
  /// own arguments; kAlways where they always do; empty where there is none.
  std::string_view runs = {};
  static constexpr std::string_view kAlways = "--";
  std::span<const Option> settings = {};  ///< what a variable of the environment takes
};

/// All commands, in the order in which help lists them.
std::span<const Command* const> commands();

std::string help(const Command& command);
std::string overview();

/// Parses the words behind the command's name; kUsage with what is wrong.
Result<Invocation> parse(const Command& command, const std::vector<std::string>& words);

}  // namespace strata
