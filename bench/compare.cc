// bench/compare.cc - runs commands in turn and prints what each cost the processor.
//   compare RUNS NAME COMMAND [NAME COMMAND]...
// Each round runs every command once, in turn, so that all see the same machine; the first round
// warms up and does not count. A command is words with spaces between, found on the PATH and run
// without a shell, whose own start would count; its output is thrown away.
// Output  a line a command: NAME MEDIAN_CPU_MS LEAST_CPU_MS MOST_CPU_MS PEAK_KIB
//         CPU is user and system time of the command and what it waited for (wait4(2)).
// Exit    1 where a command failed: a benchmark of an error message measures nothing.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Subject {
  std::string name;
  std::string command;
  std::vector<double> cpu_ms;
  long peak_kib = 0;
};

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

bool run(Subject& subject, bool counts) {
  const pid_t child = fork();
  if (child == 0) {
    const int nothing = open("/dev/null", O_WRONLY);
    if (nothing < 0 || dup2(nothing, STDOUT_FILENO) < 0) _exit(127);
    std::istringstream words(subject.command);
    std::vector<std::string> parts{std::istream_iterator<std::string>(words), {}};
    std::vector<char*> arguments;
    arguments.reserve(parts.size() + 1);
    for (std::string& part : parts) arguments.push_back(part.data());
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
    std::fprintf(stderr, "compare: %s failed: %s\n", subject.name.c_str(), subject.command.c_str());
    return false;
  }
  if (counts) {
    subject.cpu_ms.push_back(milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime));
    subject.peak_kib = std::max(subject.peak_kib, usage.ru_maxrss);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc % 2 != 0) {
    std::fputs("usage: compare RUNS NAME COMMAND [NAME COMMAND]...\n", stderr);
    return 2;
  }
  const int runs = std::atoi(argv[1]);
  std::vector<Subject> subjects;
  for (int i = 2; i + 1 < argc; i += 2) subjects.push_back({argv[i], argv[i + 1], {}, 0});
  for (int round = 0; round <= runs; ++round) {
    for (Subject& subject : subjects) {
      if (!run(subject, round > 0)) return 1;
    }
  }
  for (Subject& subject : subjects) {
    std::sort(subject.cpu_ms.begin(), subject.cpu_ms.end());
    std::printf("%s %.2f %.2f %.2f %ld\n", subject.name.c_str(),
                subject.cpu_ms[subject.cpu_ms.size() / 2], subject.cpu_ms.front(),
                subject.cpu_ms.back(), subject.peak_kib);
  }
}
