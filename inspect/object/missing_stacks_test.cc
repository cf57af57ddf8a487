#include "inspect/object/missing_stacks.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>

#include "inspect/target/core.h"
#include "inspect/target/core_writer.h"

namespace strata {
namespace {

constexpr std::uint64_t kStacks = 0x7f0000000000;
constexpr std::uint64_t kSize = 0x40000;  // of each stack's mapping

/// A core of threads, each with a mapping of its own where it is to have one.
class WrittenCore {
 public:
  /// The stack's bytes, of which some at its end may be left out of the file; the control block is
  /// `block` bytes above the pointer.
  void add_thread(std::uint64_t pointer, std::uint64_t block, const std::string& bytes) {
    const std::uint64_t start = kStacks + space_.threads.size() * 2 * kSize;
    const pid_t tid = 101 + static_cast<pid_t>(space_.threads.size());
    text_.loads.push_back({start, kSize, PF_R | PF_W, bytes});
    Thread& thread = space_.threads.emplace_back();
    thread.tid = tid;
    thread.stack_pointer = Address{start + pointer};
    thread.thread_pointer = Address{start + pointer + block};
  }

  std::optional<std::string> told() {
    std::string name = testing::TempDir() + "/strata_core_XXXXXX";
    const int file = mkstemp(name.data());
    EXPECT_GE(file, 0);
    close(file);
    text_.notes = process_note(1, "x", "x");
    std::ofstream(name, std::ios::binary) << text_.write();
    auto core = open_core(name);
    unlink(name.c_str());
    if (!core) {
      ADD_FAILURE() << to_text(core.error());
      return std::nullopt;
    }
    space_.mappings = (*core)->read_mappings().value();
    return tell_of_missing_stacks(**core, space_);
  }

  Space& space() { return space_; }

 private:
  CoreText text_;
  Space space_;
};

std::string zeros_but(std::uint64_t at) {
  std::string bytes(kSize, '\0');
  bytes[at] = 'r';
  return bytes;
}

constexpr std::uint64_t kPointer = 0x10000;
constexpr std::uint64_t kFar = 2 * kSize;  // in no mapping, or in the next thread's

TEST(MissingStacks, AreNoneWhereAReturnAddressStandsAboveEachPointer) {
  WrittenCore core;
  core.add_thread(kPointer, 0x20000, zeros_but(kPointer));
  core.add_thread(kPointer, 0x20000, zeros_but(kPointer + 0x3fff));
  core.add_thread(kSize - 8, 4, zeros_but(kSize - 1));
  EXPECT_EQ(core.told(), std::nullopt);
}

TEST(MissingStacks, AreThoseOfZeros) {
  WrittenCore core;
  core.add_thread(kPointer, 0x20000, std::string(kSize, '\0'));
  core.add_thread(kPointer, 0x20000, zeros_but(kPointer));
  core.add_thread(kPointer, kFar, zeros_but(kPointer - 1));  // what was below is used no more
  const auto told = core.told();
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->starts_with("the stacks of 2 of 3 threads are not in the core")) << *told;
  EXPECT_NE(told->find("(101, 103)"), std::string::npos) << *told;
}

TEST(MissingStacks, AreNotThoseWithALargeFrameOfZerosBelowTheirControlBlock) {
  WrittenCore core;
  core.add_thread(kPointer, 0x20000, zeros_but(kPointer + 0x20010));
  EXPECT_EQ(core.told(), std::nullopt);
}

TEST(MissingStacks, AreThoseThatTheFileEndsBefore) {
  WrittenCore core;
  core.add_thread(kPointer, 0x20000, std::string(kPointer, 's'));
  core.add_thread(kSize + 8, 0x100, std::string(kSize, 's'));  // leads to no mapping
  core.add_thread(kPointer, 0x20000, std::string(kPointer + 8, 's'));
  const auto told = core.told();
  ASSERT_TRUE(told);
  EXPECT_NE(told->find("(101, 102)"), std::string::npos) << *told;
}

TEST(MissingStacks, AreCountedWhereTheyAreTooManyToName) {
  WrittenCore core;
  for (int i = 0; i < 11; ++i) core.add_thread(kPointer, 0x20000, std::string(kSize, '\0'));
  const auto told = core.told();
  ASSERT_TRUE(told);
  EXPECT_NE(told->find("107, 108 and 3 more)"), std::string::npos) << *told;
}

TEST(MissingStacks, AreNotOfThreadsWhosePointerIsNotKnown) {
  WrittenCore core;
  core.add_thread(kPointer, 0x20000, std::string(kSize, '\0'));
  core.space().threads[0].stack_pointer.reset();
  EXPECT_EQ(core.told(), std::nullopt);
}

}  // namespace
}  // namespace strata
