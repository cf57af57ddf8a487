// strata run: a program on the Strata malloc.
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "abi/malloc_options.h"
#include "base/printable.h"
#include "cli/command.h"
#include "cli/preload.h"
#include "inspect/target/gated_program.h"

namespace strata {
namespace {

constexpr const char* kLibrary = "libstrata-malloc.so";
constexpr const char* kNamesLibrary = "STRATA_MALLOC_LIB";
// Seen from the folder that strata is in: installed as from a build tree, or copied beside it.
constexpr std::array kFolders = {"/../lib/", "/", "/../" STRATA_LIBDIR "/", "/../lib64/"};

constexpr std::array<std::string_view, 3> kExamples = {
    "strata run -- redis-server --port 0", "STRATA_MALLOC=harden:1 strata run -- ./server",
    "strata run -- python3 work.py & strata heap $!"};

/// The path without links and dots, or nothing where there is no such file.
std::string resolved(const std::string& path) {
  char* const found = realpath(path.c_str(), nullptr);
  if (found == nullptr) return {};
  std::string result = found;
  free(found);
  return result;
}

Failure no_library(std::string message) {
  return Failure(Error{Cause::kNotFound,
                       std::move(message),
                       {},
                       fmt::format("build it (ninja strata-malloc), put it beside strata or into "
                                   "../lib from there, or name it: {}=/path/to/{}",
                                   kNamesLibrary, kLibrary)});
}

Result<std::string> find_library() {
  if (const char* const named = getenv(kNamesLibrary); named != nullptr && *named != '\0') {
    const std::string library = resolved(named);
    if (!library.empty() && access(library.c_str(), R_OK) == 0) return library;
    return no_library(fmt::format("{} names {}, which cannot be read: {}", kNamesLibrary,
                                  printable(named), strerror(errno)));
  }
  const std::string self = resolved("/proc/self/exe");
  const std::string folder = self.substr(0, self.rfind('/'));
  for (const char* const place : kFolders) {
    const std::string library = resolved(folder + place + kLibrary);
    if (!library.empty() && access(library.c_str(), R_OK) == 0) return library;
  }
  return no_library(fmt::format("there is no {} beside {}", kLibrary, printable(self)));
}

Result<Exit> run(const Invocation& invocation) {
  const std::vector<std::string>& command = invocation.program();
  auto library = find_library();
  if (!library) return pass(library);
  auto file = find_program(command.front());
  if (!file) return pass(file);
  if (auto takes = check_takes_preload(*file); !takes) return pass(takes);
  if (auto set = preload(*library); !set) return pass(set);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  return Failure(explain_exec_error(command.front(), errno));
}

std::string_view value_of(abi::OptionUnit unit) {
  switch (unit) {
    case abi::OptionUnit::kFlag:
      return "0|1";
    case abi::OptionUnit::kMilliseconds:
      return "MS";
    case abi::OptionUnit::kBytes:
      break;
  }
  return "BYTES";
}

std::string preset_of(const abi::MallocOption& option) {
  constexpr std::uint64_t kMega = 1 << 20;
  if (option.unit == abi::OptionUnit::kBytes && option.preset % kMega == 0) {
    return fmt::format("{}M", option.preset / kMega);
  }
  return fmt::format("{}", option.preset);
}

/// The malloc's own table, as help has it.
class Settings {
 public:
  Settings() {
    for (std::size_t i = 0; i < kCount; ++i) {
      const abi::MallocOption& option = abi::kMallocOptions[i];
      names_[i] = fmt::format("{}:{}", option.name, value_of(option.unit));
      texts_[i] = fmt::format("{} (default {})", option.says, preset_of(option));
      options_[i] = {names_[i], {}, texts_[i]};
    }
  }
  std::span<const Option> options() const { return options_; }

 private:
  static constexpr std::size_t kCount = std::size(abi::kMallocOptions);
  std::array<std::string, kCount> names_, texts_;
  std::array<Option, kCount> options_;
};
const Settings kSettings;

}  // namespace

extern const Command kRun;
const Command kRun = {
    "run",
    "runs a program on the Strata malloc, which is fast, lean and can be read from outside",
    "Puts libstrata-malloc.so in front of LD_PRELOAD and becomes PROGRAM, so its exit status is "
    "PROGRAM's, and what PROGRAM starts is on the Strata malloc too. The library is the one "
    "beside strata or in ../lib from there, or the one that STRATA_MALLOC_LIB names. Static and "
    "32-bit programs and those that run with privileges of their own, into which nothing can be "
    "preloaded, are refused.\n"
    "\n"
    "A program that is to bring the malloc along is linked with it: -lstrata-malloc, also with "
    "-static, as pkg-config strata-malloc and CMake's find_package(strata-malloc) say it.\n"
    "\n"
    "The malloc's own settings stand in STRATA_MALLOC, as key:value,key:value; BYTES may end in "
    "K, M or G. One that is wrong is reported and left out.",
    {},
    {},
    kExamples,
    run,
    Command::kAlways,
    kSettings.options()};

}  // namespace strata
