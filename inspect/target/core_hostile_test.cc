// Cores that are cut off or lie: they open or say why, and cost nothing.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <functional>

#include "inspect/target/core.h"
#include "inspect/target/core_fixture.h"

namespace strata {
namespace {

using namespace test;

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
    EXPECT_TRUE((*core)->is_cut_off());
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
  EXPECT_TRUE((*core)->is_cut_off());
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
  const std::string bytes = with_header(sample().write(), 1, [](Elf64_Phdr& p) {
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

TEST_F(CoreTest, a_note_longer_than_the_notes_ends_them) {
  CoreText text = sample();
  const Elf64_Nhdr header{5, 0xfffffff0, NT_FILE};
  text.notes += raw_bytes(header) + std::string("CORE\0\0\0\0", 8);
  auto core = open(text.write());
  ASSERT_TRUE(core);
  EXPECT_TRUE(says((*core)->absences(), "says 4294967280 bytes, 0 are left"));
  EXPECT_EQ((*core)->read_threads()->size(), 2u);
}

}  // namespace
}  // namespace strata
