#include "inspect/heap/running_allocator.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>

#include "inspect/page/page_scanner.h"
#include "inspect/target/means.h"

namespace strata {
namespace {

/// The specimen built with `arguments`, once a test program; empty where it cannot be built.
std::string built_with(const std::string& arguments) {
  static std::map<std::string, std::string> known;
  static const std::string folder = [] {
    std::string path = (std::filesystem::temp_directory_path() / "strata-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) path.clear();
    return path;
  }();
  struct Sweep {
    ~Sweep() { std::filesystem::remove_all(folder); }
  };
  static const Sweep sweep;
  const auto found = known.find(arguments);
  if (found != known.end()) return found->second;
  const std::string source =
      std::filesystem::path(__FILE__).replace_filename("allocator_specimen.c").string();
  std::string program = folder + "/specimen" + std::to_string(known.size());
  const std::string command =
      "cc -O1 -s -pthread -o " + program + " " + source + " " + arguments + " 2>/dev/null";
  if (std::system(command.c_str()) != 0) program.clear();
  return known[arguments] = program;
}

bool is_installed(const std::string& library) {
  if (library.empty()) return true;
  if (library.front() == '/') return std::filesystem::exists(library);
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu/", "/usr/lib64/", "/usr/lib/"}) {
    if (std::filesystem::exists(folder + library)) return true;
  }
  return false;
}

}  // namespace

std::unique_ptr<RunningAllocator> RunningAllocator::start(const Start& how, std::string& why) {
  const std::string program = built_with(how.build);
  if (program.empty()) {
    why = "the specimen cannot be built with: cc " + how.build;
    return nullptr;
  }
  if (!is_installed(how.preload)) {
    why = how.preload + " is not installed";
    return nullptr;
  }
  int to[2];
  int from[2];
  if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) return nullptr;
  std::unique_ptr<RunningAllocator> running(new RunningAllocator);
  running->pid_ = ::fork();
  if (running->pid_ == 0) {
    ::dup2(to[0], STDIN_FILENO);
    ::dup2(from[1], STDOUT_FILENO);
    if (!how.preload.empty()) ::setenv("LD_PRELOAD", how.preload.c_str(), 1);
    std::string environment = how.environment;
    if (!environment.empty()) ::putenv(environment.data());
    ::execl(program.c_str(), program.c_str(), std::to_string(how.threads).c_str(),
            std::to_string(how.large).c_str(), how.option, static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(to[0]);
  ::close(from[1]);
  running->to_ = to[1];
  running->from_ = from[0];
  if (!running->hear()) {
    why = "the specimen ended before it was ready";
    return nullptr;
  }
  return running;
}

bool RunningAllocator::hear() {
  FILE* const stream = ::fdopen(from_, "r");
  if (stream == nullptr) return false;
  char line[256];
  bool ready = false;
  while (!ready && std::fgets(line, sizeof line, stream) != nullptr) {
    unsigned long address = 0;
    unsigned long size = 0;
    char name[64];
    if (std::sscanf(line, "block 0x%lx %lu", &address, &size) == 2) {
      blocks_.push_back(range_of(Address{address}, Bytes{size}));
    } else if (std::sscanf(line, "foreign 0x%lx %lu", &address, &size) == 2) {
      foreign_.push_back(range_of(Address{address}, Bytes{size}));
    } else if (std::sscanf(line, "count %63s %lu", name, &size) == 2) {
      counts_[name] = size;
    }
    ready = std::string(line) == "ready\n";
  }
  std::fclose(stream);
  from_ = -1;
  return ready;
}

RunningAllocator::~RunningAllocator() {
  if (to_ >= 0) ::close(to_);
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

Bytes RunningAllocator::count(const std::string& name) const {
  const auto found = counts_.find(name);
  EXPECT_NE(found, counts_.end()) << "the specimen did not count " << name;
  return found == counts_.end() ? Bytes{} : Bytes{found->second};
}

Bytes Surveyed::under(const std::string& path) const {
  Bytes sum;
  for (const Claim& claim : survey.claims) {
    std::string name;
    for (const std::string& part : chart.path(claim.account)) {
      name += (name.empty() ? "" : "/") + part;
      if (name == "heap/" + path) {
        sum += claim.range.size();
        break;
      }
    }
  }
  return sum;
}

bool Surveyed::covers(Range range) const {
  Address at = range.start;
  for (bool moved = true; moved && at < range.end;) {
    moved = false;
    for (const Claim& claim : survey.claims) {
      if (!claim.range.contains(at)) continue;
      at = claim.range.end;
      moved = true;
    }
  }
  return at >= range.end;
}

bool Surveyed::touches(Range range) const {
  return std::any_of(survey.claims.begin(), survey.claims.end(),
                     [&](const Claim& claim) { return claim.range.overlaps(range); });
}

std::unique_ptr<Surveyed> survey_process(pid_t pid, HeapSurvey (*survey)(const HeapScene&)) {
  auto process = Process::open(pid);
  EXPECT_TRUE(process.has_value());
  const auto means = probe_means();
  auto scanner = PageScanner::open(**process, *means);
  EXPECT_TRUE(scanner.has_value());
  const PresentMemory memory(**process, &*scanner);
  auto space = read_space(memory);
  EXPECT_TRUE(space.has_value());
  auto result = std::make_unique<Surveyed>();
  result->space = std::move(*space);
  result->survey = survey({result->space, memory, result->chart});
  return result;
}

namespace {

Bytes peak_of_survey(pid_t pid, HeapSurvey (*survey)(const HeapScene&)) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(survey_process(pid, survey)->survey.claims.empty() ? 1 : 0);
  int status = 0;
  rusage usage{};
  EXPECT_EQ(::wait4(child, &status, 0, &usage), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return 1_KiB * static_cast<std::uint64_t>(usage.ru_maxrss);
}

}  // namespace

Bytes growth_of_peak(const RunningAllocator& small, const RunningAllocator& large,
                     HeapSurvey (*survey)(const HeapScene&)) {
  const Bytes first = peak_of_survey(small.pid(), survey);
  return saturating_sub(peak_of_survey(large.pid(), survey), first);
}

void expect_sound(const RunningAllocator& program, const Surveyed& surveyed) {
  EXPECT_FALSE(program.blocks().empty());
  for (const Range& block : program.blocks()) {
    EXPECT_TRUE(surveyed.covers(block))
        << std::hex << block.start.value << " of " << block.size().value << " is not claimed";
  }
  for (const Range& range : program.foreign()) {
    EXPECT_FALSE(surveyed.touches(range)) << std::hex << range.start.value << " was claimed";
  }
  std::vector<Range> ranges;
  for (const Claim& claim : surveyed.survey.claims) {
    EXPECT_FALSE(surveyed.chart.sentence(claim.evidence).empty());
    EXPECT_NE(surveyed.space.find_mapping(claim.range.start), nullptr);
    EXPECT_NE(surveyed.space.find_mapping(claim.range.end - 1_B), nullptr);
    ranges.push_back(claim.range);
  }
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    EXPECT_LE(ranges[i - 1].end, ranges[i].start) << "two claims overlap";
  }
}

void expect_silent(pid_t pid, std::initializer_list<HeapSurvey (*)(const HeapScene&)> readers) {
  for (const auto reader : readers) {
    const auto surveyed = survey_process(pid, reader);
    EXPECT_TRUE(surveyed->survey.claims.empty());
    for (const std::string& note : surveyed->survey.notes) ADD_FAILURE() << note;
  }
}

}  // namespace strata
