#include "inspect/target/core.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "inspect/target/core_writer.h"
#include "inspect/target/elf_image.h"

namespace strata {
namespace {

constexpr std::uint64_t kProgram = 0x400000;
constexpr std::uint64_t kModule = 0x7f0000000000;
constexpr std::uint64_t kHeap = 0x1000000;
constexpr std::uint64_t kStack = 0x7ffc00000000;
constexpr std::uint64_t kVdso = 0x7ffc10000000;

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

std::string read_text_at(const Target& target, std::uint64_t address, std::size_t size) {
  std::string text(size, '?');
  auto got = target.read_memory(Address{address}, std::as_writable_bytes(std::span(text)));
  if (!got) return "error: " + got.error().message;
  text.resize(got->value);
  return text;
}

Mapping mapping_at(const Target& target, std::uint64_t address) {
  const auto mappings = target.read_mappings().value();
  for (const Mapping& mapping : mappings) {
    if (mapping.range.contains(Address{address})) return mapping;
  }
  ADD_FAILURE() << "no mapping at " << address;
  return {};
}

bool says(const std::vector<std::string>& sentences, std::string_view part) {
  return std::ranges::any_of(
      sentences, [&](const std::string& s) { return s.find(part) != std::string::npos; });
}

/// Calls everything that a hostile core could break.
void use_all(const Target& target) {
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

TEST_F(CoreTest, tells_who_it_was) {
  auto core = open(sample().write());
  ASSERT_TRUE(core) << to_text(core.error());
  const Identity& who = (*core)->identity();
  EXPECT_EQ(who.kind, TargetKind::kCore);
  EXPECT_EQ(who.pid, 4242);
  EXPECT_EQ(who.name, "sample");
  EXPECT_EQ(who.command_line, "./sample --fast");
  EXPECT_EQ(who.executable, "/opt/sample");
  EXPECT_EQ(who.origin, at("core"));
  const auto signal = core_signal(**core);
  ASSERT_TRUE(signal);
  EXPECT_EQ(signal->number, SIGSEGV);
  EXPECT_EQ(signal->tid, 4243);
  EXPECT_EQ(signal->fault_address, Address{0x18});
}

TEST_F(CoreTest, names_the_executable_by_its_path_in_memory_where_no_file_is_listed) {
  CoreText text;
  text.notes = process_note(1, "x", "x") + auxiliary_note({{AT_EXECFN, kStack + 0x10}});
  std::string stack(0x1000, '\0');
  stack.replace(0x10, 9, "./program");
  text.loads = {{kStack, 0x1000, PF_R | PF_W, stack}};
  auto core = open(text.write());
  ASSERT_TRUE(core);
  EXPECT_EQ((*core)->identity().executable, "./program");
  EXPECT_TRUE(mapping_at(**core, kStack).is_labelled("[stack]"));
}

TEST_F(CoreTest, threads_have_registers) {
  auto core = open(sample().write());
  ASSERT_TRUE(core);
  const auto threads = (*core)->read_threads().value();
  ASSERT_EQ(threads.size(), 2u);
  EXPECT_EQ(threads[0].tid, 4242);
  EXPECT_EQ(threads[0].name, "sample");
  EXPECT_EQ(threads[0].stack_pointer, Address{kStack + 0x400});
  EXPECT_EQ(threads[0].instruction_pointer, Address{0x401000});
  EXPECT_EQ(threads[0].thread_pointer, Address{kHeap + 0x10});
  EXPECT_EQ(threads[1].tid, 4243);
  EXPECT_EQ(threads[1].name, "");
}

TEST_F(CoreTest, mappings_carry_files_and_labels) {
  auto core = open(sample().write());
  ASSERT_TRUE(core);
  EXPECT_EQ((*core)->read_mappings()->size(), 10u);
  const Mapping code = mapping_at(**core, kModule + 0x1000);
  EXPECT_EQ(protection(code), "r-xp");
  EXPECT_EQ(code.name, module_path());
  EXPECT_EQ(code.offset, 0x1000_B);
  EXPECT_TRUE(code.has_file());
  EXPECT_EQ(code.inode, mapping_at(**core, kModule).inode);
  EXPECT_NE(code.inode, mapping_at(**core, kProgram).inode);
  EXPECT_TRUE(mapping_at(**core, kStack).is_labelled("[stack]"));
  EXPECT_TRUE(mapping_at(**core, kVdso).is_labelled("[vdso]"));
  EXPECT_EQ(mapping_at(**core, kHeap).name, "");
  EXPECT_FALSE(mapping_at(**core, kHeap).has_file());
  const Mapping gone = mapping_at(**core, kModule + 0x8000);
  EXPECT_EQ(gone.name, "/opt/gone");
  EXPECT_TRUE(gone.deleted);
  EXPECT_EQ(protection(gone), "---p") << "no program header, so nothing is known";
}

TEST_F(CoreTest, a_mapping_without_program_header_is_protected_as_its_module_says) {
  CoreText text = sample();
  std::erase_if(text.loads, [](const Load& load) { return load.address == kModule + 0x1000; });
  auto core = open(text.write());
  ASSERT_TRUE(core);
  EXPECT_EQ(protection(mapping_at(**core, kModule + 0x1000)), "r-xp");
  EXPECT_TRUE(says((*core)->absences(), "8.0 KiB of 2 mappings of files were left out together"));
}

TEST_F(CoreTest, reads_what_it_holds_and_stops_where_it_ends) {
  auto core = open(sample().write());
  ASSERT_TRUE(core);
  EXPECT_EQ(read_text_at(**core, kHeap + 0x1ff0, 64), std::string(16, 'a'));
  EXPECT_EQ(read_text_at(**core, kHeap + 0x4000, 1), "");
  EXPECT_EQ(read_text_at(**core, 0, 8), "");
  EXPECT_EQ(read_text_at(**core, UINT64_MAX - 2, 8), "");
  EXPECT_EQ(read_text_at(**core, kModule + 0x3000, 4), "WWWW") << "never the file's";
}

TEST_F(CoreTest, says_what_was_left_out) {
  auto core = open(sample().write());
  ASSERT_TRUE(core);
  const auto absences = (*core)->absences();
  EXPECT_TRUE(says(absences, "no page tables"));
  EXPECT_TRUE(says(absences, "12.0 KiB of 3 mappings of files were left out"));
  EXPECT_TRUE(says(absences, "4.0 KiB of 1 mapping without a file were left out: never written"));
  EXPECT_FALSE(says(absences, "truncated"));
  const auto extents = core_extents(**core);
  EXPECT_EQ(extents[0].in_file, 0_B);
  EXPECT_EQ(extents[1].in_file, 0x2000_B);
}

TEST_F(CoreTest, left_out_code_is_read_from_the_same_file_only) {
  const std::string core_path = write("core", sample().write());
  write("module.so", write_module("0123456789abcdef"));
  auto core = open_core(core_path);
  ASSERT_TRUE(core);
  EXPECT_EQ(read_text_at(**core, kModule + 0x1000, 4), "cccc");
  EXPECT_EQ(read_text_at(**core, kModule + 0xffe, 4), "hhcc") << "core and file in one read";
  EXPECT_EQ(read_text_at(**core, kModule + 0x2000, 4), "") << "RELRO was written to";
  EXPECT_TRUE((*core)->open_mapped_file(mapping_at(**core, kModule)));

  write("module.so", write_module("fedcba9876543210"));
  core = open_core(core_path);
  ASSERT_TRUE(core);
  EXPECT_EQ(read_text_at(**core, kModule + 0x1000, 4), "");
  auto file = (*core)->open_mapped_file(mapping_at(**core, kModule));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().cause, Cause::kNotFound);
  EXPECT_NE(file.error().message.find("build-id"), std::string::npos);
}

TEST_F(CoreTest, left_out_code_is_not_read_where_written_pages_were_left_out_too) {
  CoreText text = sample();
  for (Load& load : text.loads) {
    if ((load.flags & PF_W) != 0) load.bytes.clear();
  }
  write("module.so", write_module("0123456789abcdef"));
  auto core = open(text.write());
  ASSERT_TRUE(core);
  EXPECT_EQ(read_text_at(**core, kModule + 0x1000, 4), "");
  EXPECT_TRUE(says((*core)->absences(), "bits 0 (private) and 1 (shared)"));
}

TEST_F(CoreTest, a_file_without_build_id_is_opened_if_older_and_of_equal_start) {
  const std::string core_path = write("core", sample("").write());
  write("module.so", write_module(""));
  const timespec before[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, module_path().c_str(), before, 0), 0);
  auto core = open_core(core_path);
  ASSERT_TRUE(core);
  EXPECT_TRUE((*core)->open_mapped_file(mapping_at(**core, kModule)));
  EXPECT_EQ(read_text_at(**core, kModule + 0x1000, 4), "") << "opened, but never taken for memory";

  const timespec after[2] = {{4000000000, 0}, {4000000000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, module_path().c_str(), after, 0), 0);
  EXPECT_FALSE((*core)->open_mapped_file(mapping_at(**core, kModule)));

  write("module.so", "#!" + write_module(""));
  ASSERT_EQ(utimensat(AT_FDCWD, module_path().c_str(), before, 0), 0);
  EXPECT_FALSE((*core)->open_mapped_file(mapping_at(**core, kModule)));
}

TEST_F(CoreTest, what_is_not_a_file_is_never_opened) {
  auto core = open(sample().write());
  ASSERT_TRUE(core);
  ASSERT_EQ(mkfifo(module_path().c_str(), 0600), 0);
  auto file = (*core)->open_mapped_file(mapping_at(**core, kModule));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().cause, Cause::kNotFound);
  EXPECT_EQ((*core)->open_mapped_file(mapping_at(**core, kHeap)).error().cause, Cause::kNotFound);
  EXPECT_EQ((*core)->open_mapped_file(mapping_at(**core, kProgram)).error().cause,
            Cause::kNotFound);
}

TEST_F(CoreTest, has_nothing_of_the_kernel) {
  auto core = open(sample().write());
  ASSERT_TRUE(core);
  EXPECT_EQ((*core)->open_kernel_file("pagemap").error().cause, Cause::kUnsupported);
  EXPECT_EQ((*core)->read_kernel_text("smaps").error().cause, Cause::kUnsupported);
}

TEST_F(CoreTest, refuses_what_is_no_core) {
  const auto refused = [](const std::string& path, Cause cause, std::string_view part) {
    EXPECT_FALSE(looks_like_core(path)) << path;
    auto core = open_core(path);
    ASSERT_FALSE(core) << path;
    EXPECT_EQ(core.error().cause, cause) << to_text(core.error());
    EXPECT_NE(to_text(core.error()).find(part), std::string::npos) << to_text(core.error());
  };
  refused(directory_, Cause::kUsage, "is a directory");
  ASSERT_EQ(mkfifo(at("pipe").c_str(), 0600), 0);
  refused(at("pipe"), Cause::kUsage, "is a pipe");
  refused("/dev/null", Cause::kUsage, "is a device");
  refused(at("missing"), Cause::kNotFound, "No such file");
  refused(write("empty", ""), Cause::kCorrupt, "is empty");
  refused(write("text", "hello, this is no core file at all"), Cause::kUsage, "is not an ELF file");
  refused(write("packed", "\x28\xb5\x2f\xfd and more of the frame"), Cause::kUsage, "zstd -d");
  refused("/proc/self/exe", Cause::kUsage, "but no core");
}

TEST_F(CoreTest, a_core_of_another_machine_is_unsupported) {
  std::string bytes = sample().write();
  EXPECT_TRUE(looks_like_core(write("core", bytes)));
  bytes[18] = EM_PPC64;
  EXPECT_TRUE(looks_like_core(write("core", bytes)));
  EXPECT_EQ(open(bytes).error().cause, Cause::kUnsupported);
  bytes[EI_CLASS] = ELFCLASS32;
  auto core = open(bytes);
  ASSERT_FALSE(core);
  EXPECT_NE(core.error().message.find("32-bit"), std::string::npos);
  EXPECT_FALSE(core.error().help.empty());
}

TEST_F(CoreTest, a_truncated_core_opens_and_says_what_is_missing) {
  const std::string whole = sample().write();
  // The vdso and half of the stack.
  auto core = open(whole.substr(0, whole.size() - 0x1800));
  ASSERT_TRUE(core);
  EXPECT_TRUE(says((*core)->absences(),
                   "truncated: it is " + std::to_string(whole.size() - 0x1800) + " bytes of " +
                       std::to_string(whole.size()) + ", and 6.0 KiB of 2 mappings are cut off"));
  EXPECT_EQ(read_text_at(**core, kStack + 0x7f0, 64), std::string(16, 's'));
  EXPECT_EQ(read_text_at(**core, kVdso, 4), "");
  EXPECT_EQ(core_extents(**core).back().in_file, 0_B);
}

TEST_F(CoreTest, every_truncation_opens_or_says_why) {
  const std::string whole = sample().write();
  const std::size_t headers = sizeof(Elf64_Ehdr) + 10 * sizeof(Elf64_Phdr);
  const std::size_t end_of_notes = headers + sample().notes.size();
  std::size_t threads = 0;
  for (std::size_t size = 1; size <= end_of_notes; ++size) {
    auto core = open(whole.substr(0, size));
    ASSERT_EQ(core.has_value(), size >= headers) << size;
    if (!core) {
      EXPECT_FALSE(core.error().message.empty());
      EXPECT_FALSE(core.error().help.empty()) << to_text(core.error());
      continue;
    }
    EXPECT_TRUE(says((*core)->absences(), "truncated"));
    EXPECT_GE((*core)->read_threads()->size(), threads) << "more bytes never tell less";
    threads = (*core)->read_threads()->size();
    use_all(**core);
  }
  EXPECT_EQ(threads, 2u);
}

TEST_F(CoreTest, every_flipped_byte_of_headers_and_notes_opens_or_says_why) {
  const std::string whole = sample().write();
  const std::size_t end = sizeof(Elf64_Ehdr) + 10 * sizeof(Elf64_Phdr) + sample().notes.size();
  std::size_t opened = 0;
  for (std::size_t i = 0; i < end; ++i) {
    for (const char mask : {'\x01', '\x80', '\xff'}) {
      std::string bytes = whole;
      bytes[i] = static_cast<char>(bytes[i] ^ mask);
      auto core = open(bytes);
      if (core) {
        ++opened;
        use_all(**core);
      } else {
        EXPECT_FALSE(core.error().message.empty());
      }
    }
  }
  EXPECT_GT(opened, end) << "most bytes decide nothing about whether a core can be read";
}

/// `bytes` with a field of program header `index` replaced.
std::string with_header(std::string bytes, std::size_t index,
                        const std::function<void(Elf64_Phdr&)>& change) {
  Elf64_Phdr header;
  char* const place = bytes.data() + sizeof(Elf64_Ehdr) + index * sizeof header;
  std::memcpy(&header, place, sizeof header);
  change(header);
  std::memcpy(place, &header, sizeof header);
  return bytes;
}

TEST_F(CoreTest, contradictory_program_headers_are_corrupt) {
  const std::string whole = sample().write();
  const auto corrupt = [&](const std::function<void(Elf64_Phdr&)>& change) {
    auto core = open(with_header(whole, 2, change));
    ASSERT_FALSE(core);
    EXPECT_EQ(core.error().cause, Cause::kCorrupt) << to_text(core.error());
  };
  corrupt([](Elf64_Phdr& p) { p.p_vaddr = kModule; });
  corrupt([](Elf64_Phdr& p) { p.p_memsz = UINT64_MAX; });
  corrupt([](Elf64_Phdr& p) { p.p_memsz = p.p_filesz - 1; });
  corrupt([](Elf64_Phdr& p) { p.p_offset = UINT64_MAX - 8; });
}

TEST_F(CoreTest, an_offset_beyond_the_file_is_a_truncated_core) {
  auto core =
      open(with_header(sample().write(), 2, [](Elf64_Phdr& p) { p.p_offset = 1ULL << 50; }));
  ASSERT_TRUE(core);
  EXPECT_TRUE(says((*core)->absences(), "8.0 KiB of 1 mapping are cut off"));
  EXPECT_EQ(read_text_at(**core, kHeap, 4), "");
}

TEST_F(CoreTest, counts_of_program_headers_in_a_section_are_read) {
  CoreText text = sample();
  text.count_in_section = true;
  const std::string whole = text.write();
  auto core = open(whole);
  ASSERT_TRUE(core) << to_text(core.error());
  EXPECT_EQ((*core)->read_mappings()->size(), 10u);
  EXPECT_FALSE(says((*core)->absences(), "deduced"));

  core = open(whole.substr(0, whole.size() - 1));
  ASSERT_TRUE(core) << to_text(core.error());
  EXPECT_EQ((*core)->read_mappings()->size(), 10u);
  EXPECT_TRUE(says((*core)->absences(), "deduced from where the notes begin"));
}

TEST_F(CoreTest, four_thousand_million_program_headers_cost_nothing) {
  CoreText text = sample();
  text.count_in_section = true;
  std::string bytes = text.write();
  const Elf64_Word lie = 0xffffffff;
  std::memcpy(bytes.data() + bytes.size() - sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_info),
              &lie, sizeof lie);
  EXPECT_EQ(open(bytes).error().cause, Cause::kCorrupt);
  // A sparse file has room for them all.
  const std::string path = write("core", bytes);
  ASSERT_EQ(truncate(path.c_str(), off_t{300} << 30), 0);
  EXPECT_EQ(open_core(path).error().cause, Cause::kLimit);
}

TEST_F(CoreTest, a_core_of_a_hundred_gigabytes_opens_without_being_read) {
  std::string bytes = with_header(sample().write(), 1, [](Elf64_Phdr& p) {
    p.p_vaddr = 0x100000000000;
    p.p_offset = 1 << 20;
    p.p_filesz = p.p_memsz = 100ULL << 30;
  });
  const std::string path = write("core", bytes);
  ASSERT_EQ(truncate(path.c_str(), (off_t{100} << 30) + (1 << 20)), 0);
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  auto core = open_core(path);
  getrusage(RUSAGE_SELF, &after);
  ASSERT_TRUE(core) << to_text(core.error());
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 << 10) << "KiB";
  EXPECT_EQ(read_text_at(**core, 0x100000000000 + (99ULL << 30), 2), std::string(2, '\0'));
}

TEST_F(CoreTest, notes_that_lie_leave_the_rest) {
  const auto opens = [&](const std::string& notes, std::string_view problem) {
    CoreText text = sample();
    text.notes += notes;
    text.notes.insert(0, notes);
    auto core = open(text.write());
    ASSERT_TRUE(core) << to_text(core.error());
    EXPECT_TRUE(says((*core)->absences(), problem)) << problem;
    EXPECT_EQ((*core)->identity().pid, 4242);
    use_all(**core);
  };
  std::string many = file_contents({{kHeap, kHeap + 0x1000, 0, "/a"}});
  many[7] = '\x7f';
  opens(note(NT_FILE, "CORE", many), "says 9151314442816847873 files and has room for 1");
  opens(note(NT_FILE, "CORE",
             file_contents(
                 {{kHeap, kHeap + 0x2000, 0, "/a"}, {kHeap + 0x1000, kHeap + 0x3000, 0, "/b"}})),
        "overlaps /a");
  opens(note(NT_FILE, "CORE", file_contents({{kHeap + 1, kHeap, 0, "/backwards"}})),
        "cannot be so");
  opens(note(NT_FILE, "CORE", file_contents({{kHeap, kHeap + 1, UINT64_MAX, "/far"}})),
        "cannot be so");
  opens(note(NT_FILE, "CORE", file_contents({{kHeap, kHeap + 1, 0, std::string(5000, 'l')}})),
        "cannot be so");
  opens(note(NT_PRSTATUS, "CORE", "short"), "NT_PRSTATUS ends at offset 5");
  opens(thread_note(-7, 0, 0, 0), "names thread -7");
  opens(thread_note(77, 0, 0, 0), "name a thread that another one named before");
  opens(note(NT_PRSTATUS, "CORE", std::string(70000, 'x')), "Strata reads at most");
}

TEST_F(CoreTest, a_core_by_gdb_says_that_its_guards_look_readable) {
  CoreText text = sample();
  EXPECT_FALSE(says((*open(text.write()))->absences(), "gdb wrote this core"));
  text.notes += note(0xff000000, "GDB", "<target/>");
  EXPECT_TRUE(says((*open(text.write()))->absences(), "gdb wrote this core"));
}

TEST_F(CoreTest, a_note_longer_than_the_notes_ends_them) {
  CoreText text = sample();
  Elf64_Nhdr header{5, 0xfffffff0, NT_FILE};
  text.notes += raw_bytes(header) + std::string("CORE\0\0\0\0", 8);
  auto core = open(text.write());
  ASSERT_TRUE(core);
  EXPECT_TRUE(says((*core)->absences(), "says 4294967280 bytes, 0 are left"));
  EXPECT_EQ((*core)->read_threads()->size(), 2u);
}

TEST_F(CoreTest, a_file_may_span_several_program_headers_and_a_part_of_one) {
  CoreText text;
  text.notes = file_note({{0x2000, 0x5000, 1, "/wide"}});
  text.loads = {{0x1000, 0x2000, PF_R, std::string(0x2000, '1')},
                {0x3000, 0x1000, PF_R, std::string(0x800, '2')},
                {0x6000, 0x1000, PF_R, ""}};
  auto core = open(text.write());
  ASSERT_TRUE(core);
  const auto mappings = (*core)->read_mappings().value();
  const auto extents = core_extents(**core);
  ASSERT_EQ(mappings.size(), 5u);
  const std::uint64_t starts[] = {0x1000, 0x2000, 0x3000, 0x4000, 0x6000};
  const std::uint64_t offsets[] = {0, 0x1000, 0x2000, 0x3000, 0};
  const std::uint64_t held[] = {0x1000, 0x1000, 0x800, 0, 0};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(mappings[i].range.start.value, starts[i]);
    EXPECT_EQ(mappings[i].range.size(), 0x1000_B);
    EXPECT_EQ(mappings[i].offset.value, offsets[i]);
    EXPECT_EQ(mappings[i].has_file(), i > 0 && i < 4);
    EXPECT_EQ(extents[i].in_file.value, held[i]);
  }
  EXPECT_TRUE(says((*core)->absences(), "names no process"));
  EXPECT_TRUE(says((*core)->absences(), "names no threads"));
}

TEST_F(CoreTest, may_be_read_by_several_threads) {
  write("module.so", write_module("0123456789abcdef"));
  auto core = open(sample().write());
  ASSERT_TRUE(core);
  std::vector<std::thread> readers;
  std::atomic<int> right = 0;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      for (int n = 0; n < 200; ++n) {
        right += read_text_at(**core, kModule + 0xffe, 4) == "hhcc";
        right += (*core)->open_mapped_file(mapping_at(**core, kModule)).has_value();
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(right, 1600);
}

// ---- cores that others wrote

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
  const auto code = reinterpret_cast<std::uint64_t>(&expect_true_to_child);
  EXPECT_EQ(protection(mapping_at(core, code)), "r-xp");
  EXPECT_EQ(read_text_at(core, code, 16), std::string(reinterpret_cast<const char*>(code), 16));
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
    prctl(PR_SET_NAME, "known");
    if (chdir(directory_.c_str()) == 0) {
      signal(SIGABRT, SIG_DFL);
      abort();
    }
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child.pid, &status, 0), child.pid);
  if (!WIFSIGNALED(status) || !WCOREDUMP(status)) GTEST_SKIP() << "the kernel wrote no core";
  std::string found;
  DIR* const all = opendir(directory_.c_str());
  while (const dirent* entry = readdir(all)) {
    if (entry->d_name[0] != '.') found = at(entry->d_name);
  }
  closedir(all);
  ASSERT_TRUE(looks_like_core(found)) << found;
  auto core = open_core(found);
  ASSERT_TRUE(core) << to_text(core.error());
  expect_true_to_child(**core, child);
  EXPECT_EQ((*core)->identity().name, "known");
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
    for (;;) pause();
  }
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
  // gdb writes the base name of the executable where the kernel writes comm.
  // It fills pr_fname to the last byte, without a NUL.
  const std::string& path = (*core)->identity().executable;
  EXPECT_EQ((*core)->identity().name,
            path.substr(path.rfind('/') + 1, sizeof(elf_prpsinfo::pr_fname)));
  munmap(child.page, kKnownSize);
}

}  // namespace
}  // namespace strata
