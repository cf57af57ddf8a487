#include "inspect/target/core.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <thread>

#include "inspect/target/core_fixture.h"

namespace strata {
namespace {

using namespace test;

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

// A set of registers of which each word is its own offset, but for a bit that makes it an address.
std::string vector_set(std::size_t size) {
  std::string set;
  for (std::uint64_t at = 0; at < size; at += 8) set += raw_bytes(at | 0x100000);
  return set;
}

TEST_F(CoreTest, threads_have_the_words_of_their_vector_registers) {
  CoreText text;
  text.notes = thread_note(1, kStack, 0x401000, 0) + vector_note(vector_set(2696)) +
               thread_note(2, kStack, 0x401000, 0) + vector_note(std::string(2696, '\xff'));
  text.loads = {{kStack, 0x1000, PF_R | PF_W, std::string(0x1000, 's')}};
  auto core = open(text.write());
  ASSERT_TRUE(core) << to_text(core.error());
  const auto threads = (*core)->read_threads().value();
  ASSERT_EQ(threads.size(), 2u);
  const auto has = [&](std::uint64_t at) {
    return std::ranges::count(threads[0].vectors, at | 0x100000);
  };
#if defined(__x86_64__)
  for (const std::uint64_t at : {32, 160, 408, 576, 1152, 2688}) EXPECT_EQ(has(at), 1) << at;
  for (const std::uint64_t at : {8, 16, 24, 416, 464, 512, 568}) EXPECT_EQ(has(at), 0) << at;
#else
  for (const std::uint64_t at : {0, 8, 504}) EXPECT_EQ(has(at), 1) << at;
  EXPECT_EQ(has(512), 0);
#endif
  EXPECT_LT(threads[1].vectors.size(), 32u) << "none of these is an address";
}

TEST_F(CoreTest, a_lying_set_of_vector_registers_is_cut) {
  for (const std::size_t size : {0, 8, 40, 512, 576, 584, 2752, 11'008, 60'000}) {
    CoreText text;
    text.notes = vector_note(vector_set(size)) + thread_note(1, kStack, 0x401000, 0) +
                 vector_note(vector_set(size)) + vector_note(vector_set(size));
    text.loads = {{kStack, 0x1000, PF_R | PF_W, std::string(0x1000, 's')}};
    auto core = open(text.write());
    ASSERT_TRUE(core) << to_text(core.error());
    const auto threads = (*core)->read_threads().value();
    ASSERT_EQ(threads.size(), 1u);
    EXPECT_LT(threads[0].vectors.size(), 400u) << size;
  }
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
  EXPECT_FALSE((*core)->is_cut_off());
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
  const std::string own = sample().write();
  EXPECT_TRUE(looks_like_core(write("core", own)));
  const auto refused = [&](Elf64_Half machine, unsigned char word, std::string_view part) {
    std::string bytes = own;
    bytes[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(machine);
    bytes[offsetof(Elf64_Ehdr, e_machine) + 1] = 0;
    bytes[EI_CLASS] = static_cast<char>(word);
    EXPECT_TRUE(looks_like_core(write("core", bytes))) << part;
    auto core = open(bytes);
    ASSERT_FALSE(core) << part;
    EXPECT_EQ(core.error().cause, Cause::kUnsupported);
    EXPECT_NE(core.error().message.find(part), std::string::npos) << core.error().message;
    EXPECT_NE(core.error().message.find("this strata reads those of"), std::string::npos);
    EXPECT_NE(core.error().help.find("gdb"), std::string::npos) << core.error().help;
  };
  refused(EM_PPC64, ELFCLASS64, "of another machine, POWER");
  refused(EM_RISCV, ELFCLASS64, "of another machine, RISC-V");
  refused(EM_ALPHA & 0xff, ELFCLASS64, "of another machine, number 38");
  refused(EM_386, ELFCLASS32, "of a 32-bit little-endian program");
  refused(EM_X86_64, ELFCLASS32, "of a 32-bit little-endian program");
}

TEST_F(CoreTest, names_the_process_as_a_living_one_would_be) {
  const auto name = [&](const std::string& notes) {
    CoreText text = sample();
    text.notes = notes + file_note({{kProgram, kProgram + 0x1000, 0, "/opt/a-very-long-program"}}) +
                 auxiliary_note({{AT_ENTRY, kProgram + 0x10}});
    return (*open(text.write()))->identity().name;
  };
  EXPECT_EQ(name(process_note(1, "a-very-long-pro", "x")), "a-very-long-pro");
  EXPECT_EQ(name(process_note(1, "", "x")), "") << "a thread may have an empty name";
  EXPECT_EQ(name(""), "a-very-long-pro") << "as the kernel calls it on exec";
  std::string by_gdb = process_note(1, "", "x");
  const std::string sixteen = "a-very-long-prog";
  by_gdb.replace(sizeof(Elf64_Nhdr) + 8 + offsetof(elf_prpsinfo, pr_fname), 16, sixteen);
  EXPECT_EQ(name(by_gdb), "a-very-long-pro");
}

TEST_F(CoreTest, a_core_by_gdb_says_what_gdb_made_of_guards_and_names) {
  CoreText text = sample();
  EXPECT_FALSE(says((*open(text.write()))->absences(), "gdb wrote this core"));
  text.notes += note(0xff000000, "GDB", "<target/>");
  auto core = open(text.write());
  ASSERT_TRUE(core);
  EXPECT_TRUE(says((*core)->absences(), "gdb wrote this core"));
  EXPECT_TRUE(says((*core)->absences(), "does not record the names of threads, nor"));
  EXPECT_EQ((*core)->read_threads()->front().name, "") << "what gdb wrote is not the thread's";

  // A program that writes its title over its arguments.
  text.notes = process_note(1, "r.sock", "/usr/bin/redis-server unixsocket:/run/r.sock") +
               note(0xff000000, "GDB", "<target/>");
  EXPECT_EQ((*open(text.write()))->identity().name, "redis-server");
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
  readers.reserve(4);
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

}  // namespace
}  // namespace strata
