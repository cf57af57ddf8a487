#include "inspect/space/module.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "inspect/target/process.h"

namespace strata {
namespace {

std::vector<Module> own_modules() {
  auto self = Process::open(getpid());
  EXPECT_TRUE(self) << to_text(self.error());
  auto mappings = (*self)->read_mappings();
  EXPECT_TRUE(mappings) << to_text(mappings.error());
  return read_modules(PresentMemory(**self, nullptr), *mappings);
}

const Module* find_by_path(const std::vector<Module>& modules, std::string_view path) {
  const auto found =
      std::find_if(modules.begin(), modules.end(), [&](const Module& m) { return m.path == path; });
  return found == modules.end() ? nullptr : &*found;
}

std::string libc_path() {
  Dl_info found;
  EXPECT_NE(dladdr(reinterpret_cast<void*>(&std::getenv), &found), 0);
  return std::filesystem::canonical(found.dli_fname);
}

struct Listed {
  std::uint64_t bias;
  std::vector<Range> segments;
  Bytes tls_size;
};

std::vector<Listed> modules_of_the_loader() {
  std::vector<Listed> listed;
  dl_iterate_phdr(
      [](dl_phdr_info* module, std::size_t, void* into) {
        Listed entry{module->dlpi_addr, {}, {}};
        for (int i = 0; i < module->dlpi_phnum; ++i) {
          const ElfW(Phdr)& header = module->dlpi_phdr[i];
          if (header.p_type == PT_TLS) entry.tls_size = Bytes{header.p_memsz};
          if (header.p_type != PT_LOAD) continue;
          entry.segments.push_back(
              range_of(Address{entry.bias + header.p_vaddr}, Bytes{header.p_memsz}));
        }
        static_cast<std::vector<Listed>*>(into)->push_back(entry);
        return 0;
      },
      &listed);
  return listed;
}

TEST(Modules, AreThoseOfTheDynamicLoader) {
  const std::vector<Module> modules = own_modules();
  const std::vector<Listed> listed = modules_of_the_loader();
  EXPECT_EQ(modules.size(), listed.size());
  for (const Listed& expected : listed) {
    const auto found = std::find_if(modules.begin(), modules.end(), [&](const Module& m) {
      return m.load_bias == Address{expected.bias};
    });
    ASSERT_NE(found, modules.end()) << std::hex << expected.bias;
    std::vector<Range> segments;
    for (const Segment& segment : found->segments) segments.push_back(segment.range);
    EXPECT_EQ(segments, expected.segments) << found->path;
    EXPECT_EQ(found->tls_size, expected.tls_size) << found->path;
    EXPECT_EQ(found->sections_unknown, "") << found->path;
    EXPECT_FALSE(found->build_id.empty()) << found->path;
  }
}

TEST(Modules, KnowTheProgramAndTheVdso) {
  const std::vector<Module> modules = own_modules();
  std::vector<std::string> programs;
  for (const Module& module : modules) {
    if (module.is_executable) programs.push_back(module.path);
  }
  EXPECT_EQ(programs, std::vector{std::filesystem::canonical("/proc/self/exe").string()});
  EXPECT_TRUE(std::any_of(modules.begin(), modules.end(),
                          [](const Module& m) { return m.name == "[vdso]"; }));
}

/// Name and address of each section in memory, as readelf has them.
std::vector<std::pair<std::string, Range>> sections_by_readelf(const Module& module) {
  std::vector<std::pair<std::string, Range>> sections;
  const std::string command = "readelf -SW '" + module.path + "' 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> output(popen(command.c_str(), "r"), pclose);
  char line[4096];
  while (output && std::fgets(line, sizeof(line), output.get()) != nullptr) {
    const char* const rest = std::strchr(line, ']');
    char name[256], type[64], entry_size[32], flags[32];
    unsigned long address, offset, size;
    if (rest == nullptr || std::sscanf(rest + 1, "%255s %63s %lx %lx %lx %31s %31s", name, type,
                                       &address, &offset, &size, entry_size, flags) != 7) {
      continue;
    }
    const bool is_tbss = std::strchr(flags, 'T') != nullptr && std::string_view(type) == "NOBITS";
    if (std::strchr(flags, 'A') == nullptr || is_tbss || size == 0) continue;
    sections.emplace_back(name, range_of(Address{module.load_bias.value + address}, Bytes{size}));
  }
  return sections;
}

TEST(Modules, HaveTheSectionsThatReadelfLists) {
  const std::vector<Module> modules = own_modules();
  for (const std::string& path :
       {std::filesystem::canonical("/proc/self/exe").string(), libc_path()}) {
    const Module* module = find_by_path(modules, path);
    ASSERT_NE(module, nullptr) << path;
    const auto expected = sections_by_readelf(*module);
    if (expected.empty()) GTEST_SKIP() << "no readelf here";
    std::vector<std::pair<std::string, Range>> found;
    found.reserve(module->sections.size());
    for (const Section& section : module->sections) found.emplace_back(section.name, section.range);
    EXPECT_EQ(found, expected) << path;
  }
}

TEST(Modules, ReachToTheEndOfTheirZeroPages) {
  static char zeros[1 << 20];  // .bss well beyond the file's part
  const std::vector<Module> modules = own_modules();
  const Module* module =
      find_by_path(modules, std::filesystem::canonical("/proc/self/exe").string());
  ASSERT_NE(module, nullptr);
  const Range whole = range_of(Address{reinterpret_cast<std::uintptr_t>(zeros)}, 1_MiB);
  EXPECT_TRUE(module->range.contains(whole));
  const auto bss = std::find_if(module->sections.begin(), module->sections.end(),
                                [](const Section& s) { return s.name == ".bss"; });
  ASSERT_NE(bss, module->sections.end());
  EXPECT_TRUE(bss->range.contains(whole));
}

TEST(Modules, AreNotFilesThatAreOnlyRead) {
  const std::size_t before = own_modules().size();
  const File file(open(libc_path().c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  ASSERT_EQ(fstat(file.fd(), &status), 0);
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const whole = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd(), 0);
  void* const shared = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd(), 0);
  void* const head = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.fd(), 0);
  EXPECT_EQ(own_modules().size(), before);
  munmap(whole, size);
  munmap(shared, size);
  munmap(head, 4096);
}

/// A copy of a library of ours, gone at the end.
class CopiedLibrary {
 public:
  explicit CopiedLibrary(const std::string& original) {
    char pattern[] = "/tmp/strata-module-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/copy.so";
    std::filesystem::copy_file(original, path_);
    handle_ = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  ~CopiedLibrary() {
    if (handle_ != nullptr) dlclose(handle_);
    std::filesystem::remove_all(directory_);
  }
  const std::string& path() const { return path_; }
  bool is_loaded() const { return handle_ != nullptr; }

 private:
  std::string directory_;
  std::string path_;
  void* handle_ = nullptr;
};

TEST(Modules, OfADeletedFileStillHaveTheirSegments) {
  // A small library that a C++ program has unless it is linked statically.
  std::string original;
  for (const Module& module : own_modules()) {
    if (!module.is_executable && module.name.starts_with("libgcc_s")) original = module.path;
  }
  if (original.empty()) GTEST_SKIP() << "no library to copy";
  const CopiedLibrary library(original);
  ASSERT_TRUE(library.is_loaded()) << dlerror();
  const std::vector<Module> before = own_modules();
  ASSERT_NE(find_by_path(before, library.path()), nullptr);
  std::filesystem::remove(library.path());
  const std::vector<Module> after = own_modules();
  const Module* module = find_by_path(after, library.path());
  ASSERT_NE(module, nullptr);
  EXPECT_TRUE(module->deleted);
  EXPECT_EQ(module->segments.size(), find_by_path(before, library.path())->segments.size());
  EXPECT_EQ(module->build_id, find_by_path(before, library.path())->build_id);
  // Only root can reach the file now.
  EXPECT_EQ(module->sections.empty(), !module->sections_unknown.empty());
}

TEST(Modules, LoadedTwiceAreTwo) {
  void* const again = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_NOW | RTLD_LOCAL);
  if (again == nullptr) GTEST_SKIP() << dlerror();
  std::vector<std::uint64_t> biases;
  for (const Module& module : own_modules()) {
    if (module.path == libc_path()) biases.push_back(module.load_bias.value);
  }
  dlclose(again);
  ASSERT_EQ(biases.size(), 2u);
  EXPECT_NE(biases[0], biases[1]);
}

}  // namespace
}  // namespace strata
