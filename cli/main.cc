#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <new>

#include "base/printable.h"
#include "cli/command.h"
#include "cli/finding_pages.h"

namespace strata {
namespace {

const Command* find_command(std::string_view name) {
  for (const Command* command : commands()) {
    if (command->name == name) return command;
  }
  return nullptr;
}

int print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return std::fflush(stdout) == 0 ? 0 : static_cast<int>(Exit::kFailed);
}

int refuse(const Error& error) {
  const std::string text = to_text(error);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return static_cast<int>(Exit::kFailed);
}

int no_command(const std::string& name) {
  return refuse({Cause::kUsage,
                 fmt::format("strata has no command {}", printable(name)),
                 {},
                 "`strata help` lists the commands"});
}

int run(std::vector<std::string> words) {
  if (words.empty()) {
    std::fputs(overview().c_str(), stderr);
    return static_cast<int>(Exit::kFailed);
  }
  const std::string name = words.front();
  words.erase(words.begin());
  if (name == "--version") return print("strata " STRATA_VERSION "\n");
  if (name == "--help" || name == "-h" || name == "help") {
    if (words.empty()) return print(overview());
    if (const Command* const command = find_command(words.front())) return print(help(*command));
    if (const auto page = find_finding_page(words.front())) return print(std::string(*page));
    return no_command(words.front());
  }
  const Command* const command = find_command(name);
  if (command == nullptr) return no_command(name);
  for (const std::string& word : words) {
    if (word == "--") break;
    if (word == "--help" || word == "-h") return print(help(*command));
  }
  auto invocation = parse(*command, words);
  if (!invocation) return refuse(invocation.error());
  auto done = command->run(*invocation);
  if (!done) return refuse(done.error());
  return static_cast<int>(*done);
}

}  // namespace
}  // namespace strata

int main(int argc, char** argv) {
  try {
    return strata::run({argv + (argc > 0 ? 1 : 0), argv + argc});
  } catch (const std::bad_alloc&) {
    std::fputs(
        "error: strata itself has no memory left\n"
        "help: see `ulimit -v`, and the memory limit of strata's cgroup\n",
        stderr);
  } catch (const std::exception& e) {
    fmt::print(stderr, "error: {}\n  this is a bug in strata, please report it\n",
               strata::printable(e.what()));
  }
  return static_cast<int>(strata::Exit::kFailed);
}
