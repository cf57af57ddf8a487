// inspect/heap/running_allocator.h - for tests: a program under a chosen allocator, and what it
// says of itself.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inspect/heap/heap_reader.h"
#include "inspect/target/process.h"

namespace strata {

/// The program allocator_specimen.c, running until this is destroyed.
class RunningAllocator {
 public:
  struct Start {
    std::string preload;      ///< a library's name or path; empty for none
    std::string build;        ///< more arguments to the compiler
    std::string environment;  ///< NAME=VALUE, or empty
    int threads = 3;
    int large = 6;
    const char* option = nullptr;  ///< a third argument: "fence-brk", "checkered 1000"
  };
  /// Nothing, with the reason in `why`, where the compiler or the library is not installed.
  static std::unique_ptr<RunningAllocator> start(const Start& how, std::string& why);
  ~RunningAllocator();
  RunningAllocator(const RunningAllocator&) = delete;
  RunningAllocator& operator=(const RunningAllocator&) = delete;

  pid_t pid() const { return pid_; }
  const std::vector<Range>& blocks() const { return blocks_; }
  const std::vector<Range>& foreign() const { return foreign_; }
  Bytes count(const std::string& name) const;

 private:
  RunningAllocator() = default;
  bool hear();

  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::vector<Range> blocks_;
  std::vector<Range> foreign_;
  std::map<std::string, std::uint64_t> counts_;
};

/// A survey of a process with the chart it was booked in.
struct Surveyed {
  Chart chart;
  Space space;
  HeapSurvey survey;

  /// The bytes under heap/…, the path's parts joined by "/".
  Bytes under(const std::string& path) const;
  /// Whether claims under heap/`name` cover all of `range`.
  bool covers(Range range) const;
  bool touches(Range range) const;
};
std::unique_ptr<Surveyed> survey_process(pid_t pid, HeapSurvey (*survey)(const HeapScene&));

/// How much more memory, at its peak, a survey takes of `large` than of `small`: each in a process
/// of its own, by the kernel's count.
Bytes growth_of_peak(const RunningAllocator& small, const RunningAllocator& large,
                     HeapSurvey (*survey)(const HeapScene&));
/// More than this is no noise, and less than 24 bytes for each of 180,000 extents.
inline constexpr Bytes kMostGrowth = 4_MiB;

/// That each block is claimed, nothing foreign is, and that claims lie in mappings and apart.
void expect_sound(const RunningAllocator& program, const Surveyed& surveyed);
/// That none of the other readers sees its own allocator in the program.
void expect_silent(pid_t pid, std::initializer_list<HeapSurvey (*)(const HeapScene&)> readers);

}  // namespace strata
