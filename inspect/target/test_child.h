// inspect/target/test_child.h - real processes for the tests of freezing: forked, watched through
// /proc, and killed with the test. Every wait is for a state and ends after kPatience.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "inspect/target/freeze.h"

// ThreadSanitizer adds a thread of its own to every process, and makes vfork a fork.
#ifdef __SANITIZE_THREAD__
#define NEEDS_NO_FOREIGN_THREAD() GTEST_SKIP() << "the sanitizer has a thread in the target"
#else
#define NEEDS_NO_FOREIGN_THREAD() static_cast<void>(0)
#endif

namespace strata::test {

inline constexpr auto kPatience = std::chrono::seconds(60);

template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    usleep(500);
  }
  return true;
}

/// Memory that a test and its children share.
template <class T>
class Shared {
 public:
  Shared()
      : at_(new(mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
                T{}) {}
  ~Shared() { munmap(static_cast<void*>(at_), sizeof(T)); }
  Shared(const Shared&) = delete;
  T* operator->() const { return at_; }
  T& operator*() const { return *at_; }

 private:
  T* at_;
};

/// A forked process that runs `body` and ends with 0 when that returns.
class Child {
 public:
  template <class Body>
  explicit Child(Body body) : Child(fork(), body) {}
  /// `forked` is what fork() returned; the body runs where that is 0.
  template <class Body>
  Child(pid_t forked, Body body) : pid_(forked) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "stand-in");
    body();
    _exit(0);
  }
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;

  pid_t pid() const { return pid_; }
  /// Waits until it has ended; its wait status, -1 when it does not end.
  int end() {
    int status = -1;
    const bool ended = eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
    if (ended) pid_ = 0;
    return ended ? status : -1;
  }

 private:
  pid_t pid_ = 0;
};

/// fork() under a number that is free; negative with errno where that may not be chosen.
inline pid_t fork_as(pid_t number) {
  clone_args how{};
  how.exit_signal = SIGCHLD;
  how.set_tid = reinterpret_cast<std::uint64_t>(&number);
  how.set_tid_size = 1;
  return static_cast<pid_t>(syscall(SYS_clone3, &how, sizeof(how)));
}

inline std::string read_proc(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::string> list(const std::string& directory) {
  std::vector<std::string> names;
  DIR* open = opendir(directory.c_str());
  if (open == nullptr) return names;
  while (const dirent* entry = readdir(open)) {
    if (entry->d_name[0] != '.') names.push_back(entry->d_name);
  }
  closedir(open);
  return names;
}

/// The state letter of thread `tid`; empty where there is none.
inline std::string state_of(pid_t pid, pid_t tid) {
  const std::string stat = read_proc(pid, "task/" + std::to_string(tid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end == std::string::npos ? "" : stat.substr(name_end + 2, 1);
}

/// The state letters of all threads, in the order of their tids.
inline std::string states(pid_t pid) {
  std::string letters;
  for (const std::string& tid : list("/proc/" + std::to_string(pid) + "/task")) {
    letters += state_of(pid, std::atoi(tid.c_str()));
  }
  return letters;
}

/// Who traces thread `tid` of `pid`; 0 for nobody.
inline pid_t tracer_of(pid_t pid, pid_t tid) {
  const std::string status = read_proc(pid, "task/" + std::to_string(tid) + "/status");
  const std::size_t at = status.find("\nTracerPid:");
  return at == std::string::npos ? 0 : std::atoi(status.c_str() + at + 11);
}

/// No thread is traced or in a tracing stop.
inline bool runs_free(pid_t pid) {
  for (const std::string& tid : list("/proc/" + std::to_string(pid) + "/task")) {
    if (tracer_of(pid, std::atoi(tid.c_str())) != 0) return false;
  }
  return states(pid).find('t') == std::string::npos;
}

inline Result<Freeze> stop(pid_t pid, Freeze::Duration limit) {
  auto freeze = Freeze::prepare(pid);
  if (!freeze) return freeze;
  if (auto stands = freeze->stop(limit); !stands) return pass(stands);
  return freeze;
}

/// Stops `pid`, again where a busy machine let so short a limit pass first.
inline Result<Freeze> stop_in_the_end(pid_t pid, Freeze::Duration limit) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto freeze = stop(pid, limit);
    if (freeze || freeze.error().cause != Cause::kLimit) return freeze;
    if (std::chrono::steady_clock::now() > end) return freeze;
  }
}

/// So long that no test waits for it.
inline constexpr Freeze::Duration kLong = kPatience;

/// Seen by the target, its test, and who freezes it.
struct Board {
  std::atomic<std::uint64_t> ready, done, beats, wrong;
  std::atomic<std::uint64_t> sent, received;
  std::atomic<std::uint64_t> stack[64], thread_pointer[64];
  std::atomic<pid_t> tid;
};

/// Counts on the board for ever, so that running and standing can be told apart.
inline void beat(Board& board) {
  for (;;) {
    board.beats.fetch_add(1);
    usleep(100);
  }
}

/// The target runs: it counts on.
inline bool beats_on(const Board& board) {
  const std::uint64_t before = board.beats.load();
  return eventually([&] { return board.beats.load() > before + 2; });
}

}  // namespace strata::test
