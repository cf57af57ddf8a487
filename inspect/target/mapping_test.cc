#include "inspect/target/mapping.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace strata {
namespace {

Mapping mapping(std::string_view line) {
  auto parsed = parse_mapping(line);
  EXPECT_TRUE(parsed) << line << ": " << (parsed ? "" : parsed.error().message);
  return parsed.value_or(Mapping{});
}

TEST(Mapping, ReadsEveryField) {
  const Mapping m = mapping(
      "7f3d6227a000-7f3d6229c000 r-xp 00026000 fd:01 1835089                    "
      "/usr/lib/libc.so.6");
  EXPECT_EQ(m.range, (Range{Address{0x7f3d6227a000}, Address{0x7f3d6229c000}}));
  EXPECT_TRUE(m.readable && m.executable);
  EXPECT_FALSE(m.writable || m.shared || m.deleted);
  EXPECT_EQ(m.offset, Bytes{0x26000});
  EXPECT_EQ(m.device_major, 0xfdu);
  EXPECT_EQ(m.device_minor, 1u);
  EXPECT_EQ(m.inode, 1835089u);
  EXPECT_EQ(m.name, "/usr/lib/libc.so.6");
  EXPECT_TRUE(m.has_file());
  EXPECT_EQ(protection(m), "r-xp");
  EXPECT_EQ(protection(mapping("1000-2000 -w-s 00000000 00:00 0 ")), "-w-s");
}

TEST(Mapping, ReadsNamesAsTheyAre) {
  EXPECT_EQ(mapping("1000-2000 rw-p 00000000 00:00 0 ").name, "");
  EXPECT_EQ(mapping("1000-2000 rw-p 00000000 00:00 0 \t").name, "\t");
  EXPECT_EQ(mapping("1000-2000 rw-p 0 00:00 7   /a b  c").name, "/a b  c");
  EXPECT_EQ(mapping("1000-2000 rw-p 0 00:00 7 /a\\012b").name, "/a\nb");
  EXPECT_EQ(mapping("1000-2000 rw-p 0 00:00 7 /a\\013b\\").name, "/a\\013b\\");
  EXPECT_EQ(mapping("1000-2000 rw-p 0 00:00 7 /\xff\x1b[2J").name, "/\xff\x1b[2J");
  EXPECT_TRUE(mapping("1000-2000 rw-p 0 00:00 0   [heap]").is_labelled("[heap]"));
  EXPECT_FALSE(mapping("1000-2000 rw-p 0 00:00 7 [heap]").is_labelled("[heap]"));
}

TEST(Mapping, TakesOffOneMarkOfDeletionFromWhatHasAnInode) {
  const Mapping gone = mapping("1000-2000 rw-s 0 00:01 7 /memfd:x (deleted)");
  EXPECT_TRUE(gone.deleted);
  EXPECT_EQ(gone.name, "/memfd:x");
  const Mapping twice = mapping("1000-2000 rw-s 0 00:01 7 /a (deleted) (deleted)");
  EXPECT_EQ(twice.name, "/a (deleted)");
  const Mapping label = mapping("1000-2000 rw-s 0 00:00 0 [anon:x] (deleted)");
  EXPECT_FALSE(label.deleted);
  EXPECT_EQ(label.name, "[anon:x] (deleted)");
}

TEST(Mapping, TakesTheWholeAddressSpace) {
  const Mapping m = mapping(
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]");
  EXPECT_EQ(m.range.size(), 4_KiB);
  EXPECT_EQ(mapping("0-ffffffffffffffff rwxs ffffffffffffffff 0:0 18446744073709551615 x").inode,
            ~0ull);
}

TEST(Mapping, RefusesWhatIsNoLine) {
  for (const char* line : {"",
                           " ",
                           "1000",
                           "1000-",
                           "1000-2000",
                           "1000-2000 ",
                           "2000-1000 rw-p 0 0:0 0 ",
                           "1000-1000 rw-p 0 0:0 0 ",
                           "1000-2000 rw- 0 0:0 0 ",
                           "1000-2000 rwzp 0 0:0 0 ",
                           "1000-2000 wr-p 0 0:0 0 ",
                           "1000-2000 rw-x 0 0:0 0 ",
                           "1000-2000 rw-pp 0 0:0 0 ",
                           "1000-2000 rw-p  0 0:0 0 ",
                           "1000-2000 rw-p g 0:0 0 ",
                           "1000-2000 rw-p 0 00 0 ",
                           "1000-2000 rw-p 0 0:0 ",
                           "1000-2000 rw-p 0 0:0 0",
                           "1000-2000 rw-p 0 0:0 f ",
                           "1000-2000 rw-p 0 100000000:0 0 ",
                           "10000000000000000-2 rw-p 0 0:0 0 ",
                           "-1000-2000 rw-p 0 0:0 0 ",
                           "0x1000-0x2000 rw-p 0 0:0 0 ",
                           "1000-2000 rw-p 0 0:0 18446744073709551616 "}) {
    auto parsed = parse_mapping(line);
    ASSERT_FALSE(parsed) << line;
    EXPECT_EQ(parsed.error().cause, Cause::kCorrupt);
  }
  auto hostile = parse_mapping("\x1b]0;owned\a");
  ASSERT_FALSE(hostile);
  EXPECT_EQ(hostile.error().message.find('\x1b'), std::string::npos);
  EXPECT_LT(parse_mapping(std::string(1'000'000, 'z')).error().message.size(), 1000u);
}

TEST(Mappings, KeepsWhatWasSeenFirstWhereTheTargetMovedOn) {
  auto mappings = parse_mappings(
      "1000-3000 rw-p 00000000 00:00 0 \n"
      "2000-3000 r--p 00000000 00:00 0 \n"    // within the one before: left out
      "2000-5000 r--p 00007000 00:01 9 /f\n"  // grown meanwhile: its end is left
      "1000-2000 r--p 00000000 00:00 0 \n"
      "8000-9000 ---p 00000000 00:00 0 ");
  ASSERT_TRUE(mappings);
  ASSERT_EQ(mappings->size(), 3u);
  EXPECT_EQ((*mappings)[0].range, (Range{Address{0x1000}, Address{0x3000}}));
  EXPECT_EQ((*mappings)[1].range, (Range{Address{0x3000}, Address{0x5000}}));
  EXPECT_EQ((*mappings)[1].offset, Bytes{0x8000});
  EXPECT_EQ((*mappings)[2].range, (Range{Address{0x8000}, Address{0x9000}}));
}

TEST(Mappings, AreAllOrNone) {
  EXPECT_TRUE(parse_mappings("")->empty());
  EXPECT_FALSE(parse_mappings("\n"));
  EXPECT_FALSE(parse_mappings("1000-2000 rw-p 00000000 00:00 0 \ngarbage\n"));
}

TEST(Mappings, WrittenAsTheKernelDoesAreTheKernelsText) {
  auto text = read_text(AT_FDCWD, "/proc/self/maps");
  ASSERT_TRUE(text);
  auto mappings = parse_mappings(*text);
  ASSERT_TRUE(mappings);
  std::string again;
  for (const Mapping& m : *mappings) {
    std::string line = fmt::format("{:08x}-{:08x} {} {:08x} {:02x}:{:02x} {} ", m.range.start.value,
                                   m.range.end.value, protection(m), m.offset.value, m.device_major,
                                   m.device_minor, m.inode);
    if (!m.name.empty()) line = fmt::format("{:<73}{}", line, m.name);
    again += line + (m.deleted ? " (deleted)\n" : "\n");
  }
  EXPECT_EQ(again, *text);
}

}  // namespace
}  // namespace strata
