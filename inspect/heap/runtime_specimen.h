// inspect/heap/runtime_specimen.h - for the tests: a real program that holds memory and stands.
// Its output up to the line "ready" is kept as the witness's words. It is killed with the object.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "inspect/heap/heap_reader.h"
#include "inspect/heap/lying_target.h"
#include "inspect/target/process.h"

namespace strata {

/// The path of `name` in PATH or, first, in /usr/bin, where no version manager's shim stands.
inline std::optional<std::string> find_program(const std::string& name) {
  std::string path = "/usr/bin:";
  if (const char* const variable = std::getenv("PATH")) path += variable;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    std::string file = path.substr(start, end - start) + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
    start = end + 1;
  }
  return std::nullopt;
}

class Specimen {
 public:
  /// Empty `said()` where the program ended or was silent for a minute before it was ready.
  explicit Specimen(const std::vector<std::string>& command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], 1);
      ::dup2(ends[1], 2);
      std::vector<char*> arguments;
      arguments.reserve(command.size() + 1);
      for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    std::string text;
    char buffer[4096];
    pollfd waiting{ends[0], POLLIN, 0};
    while (text.find("ready\n") == std::string::npos && ::poll(&waiting, 1, 60'000) > 0) {
      const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    output_ = ends[0];
    if (text.find("ready\n") != std::string::npos) said_ = text;
  }
  Specimen(const Specimen&) = delete;
  Specimen& operator=(const Specimen&) = delete;
  ~Specimen() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    if (output_ >= 0) ::close(output_);
  }

  pid_t pid() const { return pid_; }
  const std::string& said() const { return said_; }
  /// The first number after `label` in what it said.
  std::optional<std::uint64_t> number_after(const std::string& label) const {
    const std::size_t at = said_.find(label);
    if (at == std::string::npos) return std::nullopt;
    const std::size_t digit = said_.find_first_of("0123456789", at + label.size());
    if (digit == std::string::npos) return std::nullopt;
    return std::strtoull(said_.c_str() + digit, nullptr, 10);
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string said_;
};

/// What Strata sees of a process, held together for one survey.
class Sight {
 public:
  static std::unique_ptr<Sight> open(pid_t pid) {
    auto sight = std::unique_ptr<Sight>(new Sight);
    auto process = Process::open(pid);
    if (!process) return nullptr;
    sight->process = std::move(*process);
    auto means = probe_means();
    if (!means) return nullptr;
    auto scanner = PageScanner::open(*sight->process, *means);
    if (!scanner) return nullptr;
    sight->scanner = std::make_unique<PageScanner>(std::move(*scanner));
    sight->memory = std::make_unique<PresentMemory>(*sight->process, sight->scanner.get());
    auto space = read_space(*sight->memory);
    if (!space) return nullptr;
    sight->space = std::move(*space);
    return sight;
  }

  HeapScene scene() { return {space, *memory, chart}; }

  /// Bytes of the claims on an account, by its path below heap/ ("pymalloc/arenas").
  Bytes claimed(const HeapSurvey& survey, std::string_view account) const {
    Bytes sum;
    for (const Claim& claim : survey.claims) {
      if (path_of(claim.account) == account) sum += claim.range.size();
    }
    return sum;
  }
  std::string path_of(AccountId account) const {
    std::string path;
    for (const std::string& name : chart.path(account)) {
      if (name == "heap" && path.empty()) continue;
      if (!path.empty()) path += "/";
      path += name;
    }
    return path;
  }

  std::unique_ptr<Process> process;
  std::unique_ptr<PageScanner> scanner;
  std::unique_ptr<PresentMemory> memory;
  Space space;
  Chart chart;
};

using ReadHeap = HeapSurvey (*)(const HeapScene&);

/// A real program that stands, what is seen of it, and what one reader claims there.
struct Standing {
  explicit Standing(const std::vector<std::string>& command) : specimen(command) {}

  Specimen specimen;
  std::unique_ptr<Sight> sight;
  HeapSurvey survey;
};

/// Nothing, and a failure of the test, where the program did not get ready.
inline std::unique_ptr<Standing> stand(const std::vector<std::string>& command, ReadHeap reader) {
  auto standing = std::make_unique<Standing>(command);
  EXPECT_FALSE(standing->specimen.said().empty()) << command.front() << " did not get ready";
  if (standing->specimen.said().empty()) return nullptr;
  standing->sight = Sight::open(standing->specimen.pid());
  EXPECT_NE(standing->sight, nullptr);
  if (standing->sight == nullptr) return nullptr;
  standing->survey = reader(standing->sight->scene());
  return standing;
}

inline void expect_no_notes(const HeapSurvey& survey) {
  for (const std::string& note : survey.notes) ADD_FAILURE() << note;
}

/// That the reader ends, within its budget, whatever the target's memory says, and claims nothing
/// outside of what is mapped.
inline void expect_answers_to_lies(const Sight& sight, ReadHeap reader, std::uint32_t rounds = 30) {
  for (std::uint32_t seed = 1; seed <= rounds; ++seed) {
    const LyingTarget lying(*sight.process, sight.space, seed, seed % 3 == 0 ? 4 : 400);
    const PresentMemory memory(lying, sight.scanner.get());
    Chart chart;
    const HeapSurvey survey = reader({sight.space, memory, chart});
    for (const Claim& claim : survey.claims) {
      EXPECT_FALSE(claim.range.empty()) << "seed " << seed;
      EXPECT_NE(sight.space.find_mapping(claim.range.start), nullptr) << "seed " << seed;
      EXPECT_NE(sight.space.find_mapping(claim.range.end - 1_B), nullptr) << "seed " << seed;
    }
    EXPECT_LT(survey.bytes_read, 300_MiB) << "seed " << seed;
  }
}

/// That a program without the runtime, this one, is not charged for its reader.
inline void expect_nothing_here(ReadHeap reader) {
  const auto sight = Sight::open(::getpid());
  ASSERT_NE(sight, nullptr);
  const HeapSurvey survey = reader(sight->scene());
  EXPECT_TRUE(survey.claims.empty());
  EXPECT_TRUE(survey.notes.empty());
  EXPECT_EQ(survey.bytes_read, Bytes{});
}

/// A folder of its own for what a test builds, swept with the object.
class Scratch {
 public:
  Scratch() : folder_(std::filesystem::temp_directory_path() / "strata-XXXXXX") {
    std::string name = folder_.string();
    if (::mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string path() const { return folder_.string(); }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name) << text;
  }
  /// Whether `command`, run in the folder, succeeds.
  bool run(const std::string& command) const {
    return std::system(fmt::format("cd '{}' && {}", path(), command).c_str()) == 0;
  }

 private:
  std::filesystem::path folder_;
};

/// `name` in the environment, cut at the colons; empty parts left out.
inline std::vector<std::string> listed_in_environment(const char* name) {
  std::vector<std::string> all;
  const char* const value = std::getenv(name);
  if (value == nullptr) return all;
  std::istringstream parts(value);
  for (std::string part; std::getline(parts, part, ':');) {
    if (!part.empty()) all.push_back(part);
  }
  return all;
}

}  // namespace strata
