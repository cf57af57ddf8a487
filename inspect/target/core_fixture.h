// inspect/target/core_fixture.h - a small core with everything in it, and what tests ask of one.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "inspect/target/core.h"
#include "inspect/target/core_writer.h"

namespace strata::test {

inline constexpr std::uint64_t kProgram = 0x400000;
inline constexpr std::uint64_t kModule = 0x7f0000000000;
inline constexpr std::uint64_t kHeap = 0x1000000;
inline constexpr std::uint64_t kStack = 0x7ffc00000000;
inline constexpr std::uint64_t kVdso = 0x7ffc10000000;

class CoreTest : public testing::Test {
 protected:
  CoreTest() {
    std::string name = testing::TempDir() + "/strata_core_XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~CoreTest() override {
    DIR* const all = opendir(directory_.c_str());
    for (const dirent* entry; all != nullptr && (entry = readdir(all)) != nullptr;) {
      unlink(at(entry->d_name).c_str());
    }
    if (all != nullptr) closedir(all);
    rmdir(directory_.c_str());
  }

  std::string at(const std::string& name) const { return directory_ + "/" + name; }
  std::string write(const std::string& name, const std::string& bytes) const {
    // A file that is truncated and written anew goes to disk on close at some file systems.
    unlink(at(name).c_str());
    std::ofstream(at(name), std::ios::binary) << bytes;
    return at(name);
  }
  Result<std::unique_ptr<Target>> open(const std::string& bytes) const {
    return open_core(write("core", bytes));
  }
  /// The module's file, as it is mapped in sample().
  std::string module_path() const { return at("module.so"); }

  /// A program of two threads with a module, of which all but headers and written pages was left
  /// out.
  CoreText sample(const std::string& build_id = "0123456789abcdef") const {
    CoreText core;
    core.notes =
        thread_note(4243, kStack + 0x800, 0x401010, kHeap + 0x20) +
        process_note(4242, "sample", "./sample --fast ") + signal_note(SIGSEGV, 1, 0x18) +
        auxiliary_note(
            {{AT_ENTRY, kProgram + 0x10}, {AT_RANDOM, kStack + 0xf00}, {AT_SYSINFO_EHDR, kVdso}}) +
        file_note({{kProgram, kProgram + 0x1000, 0, "/opt/sample"},
                   {kModule, kModule + 0x1000, 0, module_path()},
                   {kModule + 0x1000, kModule + 0x2000, 1, module_path()},
                   {kModule + 0x2000, kModule + 0x3000, 2, module_path()},
                   {kModule + 0x3000, kModule + 0x4000, 3, module_path()},
                   {kModule + 0x8000, kModule + 0x9000, 0, "/opt/gone (deleted)"}}) +
        thread_note(4242, kStack + 0x400, 0x401000, kHeap + 0x10);
    core.loads = {{kProgram, 0x1000, PF_R | PF_X, ""},
                  {kHeap, 0x2000, PF_R | PF_W, std::string(0x2000, 'a')},
                  {kHeap + 0x4000, 0x1000, 0, ""},
                  {kModule, 0x1000, PF_R, write_module(build_id).substr(0, 0x1000)},
                  {kModule + 0x1000, 0x1000, PF_R | PF_X, ""},
                  {kModule + 0x2000, 0x1000, PF_R, ""},
                  {kModule + 0x3000, 0x1000, PF_R | PF_W, std::string(0x1000, 'W')},
                  {kStack, 0x1000, PF_R | PF_W, std::string(0x1000, 's')},
                  {kVdso, 0x1000, PF_R | PF_X, std::string(0x1000, 'v')}};
    return core;
  }

  std::string directory_;
};

inline std::string read_text_at(const Target& target, std::uint64_t address, std::size_t size) {
  std::string text(size, '?');
  auto got = target.read_memory(Address{address}, std::as_writable_bytes(std::span(text)));
  if (!got) return "error: " + got.error().message;
  text.resize(got->value);
  return text;
}

inline Mapping mapping_at(const Target& target, std::uint64_t address) {
  const auto mappings = target.read_mappings().value();
  for (const Mapping& mapping : mappings) {
    if (mapping.range.contains(Address{address})) return mapping;
  }
  ADD_FAILURE() << "no mapping at " << address;
  return {};
}

inline bool says(const std::vector<std::string>& sentences, std::string_view part) {
  return std::ranges::any_of(
      sentences, [&](const std::string& s) { return s.find(part) != std::string::npos; });
}

/// Calls everything that a hostile core could break.
inline void use_all(const Target& target) {
  const auto mappings = target.read_mappings().value();
  const auto extents = core_extents(target);
  ASSERT_EQ(extents.size(), mappings.size());
  Address last;
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    EXPECT_GE(mappings[i].range.start, last);
    EXPECT_FALSE(mappings[i].range.empty());
    EXPECT_EQ(extents[i].range, mappings[i].range);
    EXPECT_LE(extents[i].in_file, mappings[i].range.size());
    last = mappings[i].range.end;
    EXPECT_GE(read_text_at(target, mappings[i].range.start.value, 64).size(),
              std::min<std::size_t>(extents[i].in_file.value, 64));
    (void)target.open_mapped_file(mappings[i]);
  }
  (void)target.absences();
}

}  // namespace strata::test
