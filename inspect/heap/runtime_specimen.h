// inspect/heap/runtime_specimen.h - for the tests: a real program that holds memory and stands.
// Its output up to the line "ready" is kept as the witness's words. It is killed with the object.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "inspect/heap/heap_reader.h"
#include "inspect/target/process.h"

namespace strata {

/// The path of `name` in PATH or, first, in /usr/bin, where no version manager's shim stands.
inline std::optional<std::string> find_program(const std::string& name) {
  std::string path = "/usr/bin:";
  if (const char* const variable = std::getenv("PATH")) path += variable;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    const std::string file = path.substr(start, end - start) + "/" + name;
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

/// A process whose memory lies: of the words read, about one in `rarity` is another than it was.
class LyingTarget final : public Target {
 public:
  LyingTarget(const Target& honest, const Space& space, std::uint32_t seed, unsigned rarity)
      : honest_(honest), space_(space), random_(seed), rarity_(rarity) {}

  const Identity& identity() const override { return honest_.identity(); }
  Result<std::vector<Mapping>> read_mappings() const override { return honest_.read_mappings(); }
  Result<std::vector<Thread>> read_threads() const override { return honest_.read_threads(); }
  Result<std::vector<AuxiliaryEntry>> read_auxiliary_vector() const override {
    return honest_.read_auxiliary_vector();
  }
  Result<Bytes> read_memory(Address from, std::span<std::byte> into) const override {
    auto got = honest_.read_memory(from, into);
    if (!got) return got;
    for (std::size_t at = 0; at + 8 <= got->value; at += 8) {
      if (random_() % rarity_ != 0) continue;
      const std::uint64_t lie = make_lie(from + Bytes{at});
      std::memcpy(into.data() + at, &lie, 8);
    }
    return got;
  }
  Result<File> open_mapped_file(const Mapping& mapping) const override {
    return honest_.open_mapped_file(mapping);
  }
  Result<File> open_kernel_file(const std::string& name) const override {
    return honest_.open_kernel_file(name);
  }
  Result<std::string> read_kernel_text(const std::string& name) const override {
    return honest_.read_kernel_text(name);
  }
  std::vector<std::string> absences() const override { return {}; }

 private:
  std::uint64_t make_lie(Address here) const {
    const Range& somewhere = space_.mappings[random_() % space_.mappings.size()].range;
    switch (random_() % 6) {
      case 0:
        return 0;
      case 1:
        return here.value;  // a cycle
      case 2:
        return somewhere.start.value;
      case 3:
        return somewhere.start.value + (random_() % somewhere.size().value & ~7ull);
      case 4:
        return std::uint64_t{1} << (random_() % 64);
      default:
        return random_();
    }
  }

  const Target& honest_;
  const Space& space_;
  mutable std::mt19937_64 random_;
  unsigned rarity_;
};

}  // namespace strata
