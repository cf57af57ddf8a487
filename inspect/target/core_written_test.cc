// Cores that the kernel and gdb wrote of a process that is known.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstring>

#include "inspect/target/core.h"
#include "inspect/target/core_fixture.h"
#include "inspect/target/vector_sleeper.h"

namespace strata {
namespace {

using namespace test;

// A sanitizer's shadow is terabytes of address space, and the writer of a core walks it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHasShadow = true;
#else
constexpr bool kHasShadow = false;
#endif

/// A child with a page it knows, stopped or dead, and a core of it.
struct Child {
  pid_t pid = 0;
  std::byte* page = nullptr;
};

constexpr std::size_t kKnownSize = 3 * 4096;

std::byte* map_known() {
  auto* const page = static_cast<std::byte*>(
      mmap(nullptr, kKnownSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (std::size_t i = 0; i < kKnownSize; ++i) page[i] = static_cast<std::byte>(i % 251);
  return page;
}

/// In the state that a process has in a system call that waits, however long that takes.
void wait_until_asleep(pid_t pid) {
  for (std::string stat; stat.find(") S ") == std::string::npos; usleep(500)) {
    std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/stat"), stat);
    ASSERT_NE(stat.find(')'), std::string::npos) << "it has ended";
  }
}

void expect_true_to_child(const Target& core, const Child& child) {
  EXPECT_EQ(core.identity().pid, child.pid);
  char self[4096] = {};
  ASSERT_GT(readlink("/proc/self/exe", self, sizeof self - 1), 0);
  EXPECT_EQ(core.identity().executable, self) << "the child is a fork of this program";
  std::vector<std::byte> memory(kKnownSize);
  auto got = core.read_memory(Address{reinterpret_cast<std::uint64_t>(child.page)}, memory);
  ASSERT_TRUE(got);
  ASSERT_EQ(got->value, kKnownSize);
  EXPECT_EQ(std::memcmp(memory.data(), child.page, kKnownSize), 0);

  const auto mappings = core.read_mappings().value();
  const auto threads = core.read_threads().value();
  ASSERT_EQ(threads.size(), 1u);
  EXPECT_EQ(threads[0].tid, child.pid);
  const auto holds = [&](Address address, std::string_view label) {
    return std::ranges::any_of(mappings, [&](const Mapping& m) {
      return m.range.contains(address) && m.is_labelled(label);
    });
  };
  EXPECT_TRUE(holds(*threads[0].stack_pointer, "[stack]"));
  EXPECT_EQ(std::ranges::count(mappings, "[vdso]", &Mapping::name), 1);
  // This function's code is the child's too, and not in the core by default.
  const auto* const text = reinterpret_cast<const char*>(&expect_true_to_child);
  const auto code = reinterpret_cast<std::uint64_t>(text);
  EXPECT_EQ(protection(mapping_at(core, code)), "r-xp");
  EXPECT_EQ(read_text_at(core, code, 16), std::string(text, 16));
  EXPECT_TRUE(core.open_mapped_file(mapping_at(core, code)));
}

TEST_F(CoreTest, reads_a_core_that_the_kernel_wrote) {
  if (kHasShadow) GTEST_SKIP() << "a core of a sanitized program is too large";
  std::string pattern;
  std::getline(std::ifstream("/proc/sys/kernel/core_pattern"), pattern);
  if (pattern.empty() || pattern.find_first_of("|/@") != std::string::npos) {
    GTEST_SKIP() << "cores go elsewhere here: " << pattern;
  }
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
  if (limit.rlim_max != RLIM_INFINITY) GTEST_SKIP() << "core files are limited here";
  Child child;
  child.page = map_known();
  child.pid = fork();
  if (child.pid == 0) {
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_CORE, &limit);
    prctl(PR_SET_NAME, "known-by-a-long-name");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chdir(directory_.c_str()) != 0) _exit(1);
    signal(SIGABRT, SIG_DFL);
    sleep_with_vector();
  }
  wait_until_asleep(child.pid);
  kill(child.pid, SIGABRT);
  int status = 0;
  ASSERT_EQ(waitpid(child.pid, &status, 0), child.pid);
  if (!WIFSIGNALED(status) || !WCOREDUMP(status)) GTEST_SKIP() << "the kernel wrote no core";
  std::string found;
  DIR* const all = opendir(directory_.c_str());
  ASSERT_NE(all, nullptr);
  while (const dirent* entry = readdir(all)) {
    if (entry->d_name[0] != '.') found = at(entry->d_name);
  }
  closedir(all);
  ASSERT_TRUE(looks_like_core(found)) << found;
  auto core = open_core(found);
  ASSERT_TRUE(core) << to_text(core.error());
  expect_true_to_child(**core, child);
  EXPECT_EQ((*core)->identity().name, "known-by-a-long");
  EXPECT_EQ((*core)->read_threads()->front().name, "known-by-a-long");
  EXPECT_TRUE(has_vector((*core)->read_threads()->front()));
  const auto signal = core_signal(**core);
  ASSERT_TRUE(signal);
  EXPECT_EQ(signal->number, SIGABRT);
  EXPECT_EQ(signal->tid, child.pid);
  EXPECT_FALSE(signal->fault_address);
  munmap(child.page, kKnownSize);
}

TEST_F(CoreTest, reads_a_core_that_gdb_wrote) {
  if (kHasShadow) GTEST_SKIP() << "a core of a sanitized program is too large";
  if (system("command -v gcore > /dev/null 2>&1") != 0) GTEST_SKIP() << "there is no gcore";
  Child child;
  child.page = map_known();
  child.pid = fork();
  if (child.pid == 0) {
    prctl(PR_SET_NAME, "known");
    // Dies with the test, whatever becomes of it.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sleep_with_vector();
  }
  wait_until_asleep(child.pid);
  const std::string command = "timeout 60 gcore -o " + at("core") + " " +
                              std::to_string(child.pid) + " > " + at("log") + " 2>&1 < /dev/null";
  const int status = system(command.c_str());
  kill(child.pid, SIGKILL);
  waitpid(child.pid, nullptr, 0);
  if (status != 0) GTEST_SKIP() << "gcore may not attach here";
  auto core = open_core(at("core." + std::to_string(child.pid)));
  ASSERT_TRUE(core) << to_text(core.error());
  expect_true_to_child(**core, child);
  EXPECT_FALSE(core_signal(**core)) << "stopped by gdb, not ended";
  EXPECT_TRUE(has_vector((*core)->read_threads()->front()));
  // gdb writes the base name of argv[0] where the kernel writes comm, and one byte more than a
  // comm has; the executable is what is mapped.
  const std::string& path = (*core)->identity().executable;
  EXPECT_EQ((*core)->identity().name, path.substr(path.rfind('/') + 1, 15));
  EXPECT_TRUE(says((*core)->absences(), "its first argument"));
  munmap(child.page, kKnownSize);
}

}  // namespace
}  // namespace strata
