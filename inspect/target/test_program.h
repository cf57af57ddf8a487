// inspect/target/test_program.h - programs for tests of what execs them: the test's own executable,
// which runs the named body instead of its tests where the environment says so.
//
//     const TestProgram kSpins("spins", [](Board& board) { beat(board); });   at namespace scope
//     LastMoment::wait_for(kSpins.command(board));
//
// A body that returns ends the program with 0. None outlives its test by more than kPatience.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "inspect/target/test_child.h"

namespace strata::test {

/// A board that survives an exec: in a file without a name, whose descriptor is inherited.
class InheritedBoard {
 public:
  InheritedBoard() : fd_(memfd_create("board", 0)) {
    if (fd_ < 0 || ftruncate(fd_, sizeof(Board)) != 0) std::abort();
    at_ = at(fd_);
  }
  ~InheritedBoard() {
    munmap(static_cast<void*>(at_), sizeof(Board));
    close(fd_);
  }
  InheritedBoard(const InheritedBoard&) = delete;
  Board* operator->() const { return at_; }
  Board& operator*() const { return *at_; }
  int fd() const { return fd_; }

  static Board* at(int fd) {
    void* const mapped = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) std::abort();
    return static_cast<Board*>(mapped);  // zeros are its initial state
  }

 private:
  int fd_;
  Board* at_;
};

class TestProgram {
 public:
  template <class Body>
  TestProgram(const char* name, Body body) : name_(name) {
    const char* const wanted = std::getenv("STRATA_TEST_PROGRAM");
    if (wanted == nullptr || name_ != wanted) return;
    alarm(static_cast<unsigned>(kPatience.count()));
    body(*InheritedBoard::at(std::atoi(std::getenv("STRATA_TEST_BOARD"))));
    _exit(0);
  }

  /// What to exec. env(1) comes first, so every program here is the second image of its process.
  std::vector<std::string> command(const InheritedBoard& board) const {
    return {"env", "STRATA_TEST_PROGRAM=" + name_,
            "STRATA_TEST_BOARD=" + std::to_string(board.fd()),
            "ASAN_OPTIONS=detect_leaks=0",  // which asks for ptrace
            executable()};
  }

  static std::string executable() {
    char path[4096];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
    return {path, size > 0 ? static_cast<std::size_t>(size) : 0};
  }

 private:
  std::string name_;
};

}  // namespace strata::test
