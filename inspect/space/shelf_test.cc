#include "inspect/space/shelf.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "inspect/space/image_fake.h"

namespace strata {
namespace {

constexpr Address kBase{0x7f0000000000};

MadeImage<Elf64> made_image() {
  MadeImage<Elf64> image;
  image.load(0, 0, 0x1000, 0x1000, PF_R);
  image.load(0x1000, 0x1000, 0x1000, 0x1000, PF_R | PF_X);
  image.section(".text", SHT_PROGBITS, 0x1000, 0x1000, 0x1000);
  // "answer" at 0x1010, the names of which stand at 0x2100.
  const char names[8] = {0, 'a', 'n', 's', 'w', 'e', 'r'};
  Elf64_Sym symbols[2]{};
  symbols[1].st_name = 1;
  symbols[1].st_info = STB_GLOBAL << 4 | STT_FUNC;
  symbols[1].st_shndx = 1;
  symbols[1].st_value = 0x1010;
  symbols[1].st_size = 8;
  auto& table = image.section(".symtab", SHT_SYMTAB, 0, 0x2000, sizeof(symbols), 0);
  table.sh_entsize = sizeof(Elf64_Sym);
  table.sh_link = 3;
  image.section(".strtab", SHT_STRTAB, 0, 0x2100, 8, 0);
  const auto content = [](const void* from, std::size_t size) {
    const auto* const bytes = static_cast<const std::byte*>(from);
    return FileContent(bytes, bytes + size);
  };
  image.contents.emplace_back(0x2000, content(symbols, sizeof(symbols)));
  image.contents.emplace_back(0x2100, content(names, sizeof(names)));
  image.finish();
  return image;
}

class ShelfTest : public testing::Test {
 protected:
  ShelfTest() {
    const MadeImage<Elf64> image = made_image();
    target_.image = image.bytes();
    map_segments(target_, image.program, kBase);
  }

  Module only_module() {
    auto modules = read_modules(memory_, target_.mappings, shelf_);
    EXPECT_EQ(modules.size(), 1u);
    return modules.empty() ? Module{} : modules[0];
  }

  FakeTarget target_;
  PresentMemory memory_{target_, nullptr};
  Shelf shelf_;
};

TEST_F(ShelfTest, HasAFileReadOnceForAnyNumberOfLooks) {
  for (int look = 0; look < 5; ++look) {
    const Module module = only_module();
    EXPECT_EQ(module.sections_unknown, "");
    ASSERT_EQ(module.sections.size(), 1u);
    EXPECT_EQ(module.sections[0].name, ".text");
    EXPECT_EQ(module.sections[0].range.start, kBase + Bytes{0x1000});
  }
  EXPECT_EQ(target_.opened, 1);
}

TEST_F(ShelfTest, LaysOutAnewWhatHasMoved) {
  only_module();
  for (Mapping& m : target_.mappings) m.range = {m.range.start + 1_MiB, m.range.end + 1_MiB};
  EXPECT_EQ(only_module().sections.at(0).range.start, kBase + 1_MiB + Bytes{0x1000});
  EXPECT_EQ(target_.opened, 1);
}

TEST_F(ShelfTest, OpensNothingOnceItIsClosed) {
  shelf_.close();
  const Module module = only_module();
  EXPECT_EQ(target_.opened, 0);
  // By its headers in memory it is a module all the same, with the reason why that is all.
  EXPECT_EQ(module.segments.size(), 2u);
  EXPECT_TRUE(module.sections.empty());
  EXPECT_NE(module.sections_unknown.find("no file is read while the target stands"),
            std::string::npos)
      << module.sections_unknown;
  EXPECT_EQ(module.file, nullptr);

  shelf_.open();
  EXPECT_EQ(only_module().sections_unknown, "");
  EXPECT_EQ(target_.opened, 1);
}

TEST_F(ShelfTest, KnowsAFileThatWasReplacedByItsFirstBytesInMemory) {
  only_module();
  target_.image[0x70] ^= std::byte{1};  // in the first program header: its alignment
  EXPECT_EQ(target_.opened, 1);
  only_module();
  EXPECT_EQ(target_.opened, 2);
  only_module();
  EXPECT_EQ(target_.opened, 2);

  shelf_.close();
  target_.image[0x70] ^= std::byte{1};
  EXPECT_NE(only_module().sections_unknown, "");
  EXPECT_EQ(target_.opened, 2);
}

TEST_F(ShelfTest, TellsFilesApartByInodeDeviceAndName) {
  only_module();
  for (Mapping& m : target_.mappings) m.inode = 43;
  only_module();
  EXPECT_EQ(target_.opened, 2);
  for (Mapping& m : target_.mappings) m.device_minor = 1;
  only_module();
  EXPECT_EQ(target_.opened, 3);
  for (Mapping& m : target_.mappings) m.deleted = true;
  only_module();
  EXPECT_EQ(target_.opened, 4);
}

TEST_F(ShelfTest, RemembersThatAFileCannotBeHad) {
  target_.is_file_gone = true;
  EXPECT_NE(only_module().sections_unknown.find("it was deleted"), std::string::npos);
  EXPECT_NE(only_module().sections_unknown.find("it was deleted"), std::string::npos);
  EXPECT_EQ(target_.opened, 1);
}

TEST_F(ShelfTest, AnswersForSymbolsAsItDidBefore) {
  const Module module = only_module();
  const auto before = find_symbols(memory_, module, {"answer", "question"});
  ASSERT_TRUE(before) << to_text(before.error());
  ASSERT_EQ(before->size(), 1u);
  EXPECT_EQ(before->front().range.start, kBase + Bytes{0x1010});
  const int opened = target_.opened;

  shelf_.close();
  const auto again = find_symbols(memory_, only_module(), {"answer", "question"});
  ASSERT_TRUE(again) << to_text(again.error());
  ASSERT_EQ(again->size(), 1u);
  EXPECT_EQ(again->front().range, before->front().range);
  EXPECT_FALSE(find_symbols(memory_, only_module(), {"answer"}));  // was not asked
  EXPECT_EQ(target_.opened, opened);

  shelf_.open();
  EXPECT_TRUE(find_symbols(memory_, only_module(), {"answer"}));
}

TEST_F(ShelfTest, RemembersPartsOfFiles) {
  const Module module = only_module();
  const Mapping& mapping = module.first_mapping;
  std::vector<std::byte> part(64);
  const auto read = [&](Bytes offset) {
    std::fill(part.begin(), part.end(), std::byte{0xEE});
    const auto got = module.file->read(target_, mapping, offset, part);
    return got ? got->value : ~0ull;
  };
  const Bytes near_end{target_.image.size() - 16};
  EXPECT_EQ(read(0_B), 64u);
  EXPECT_EQ(read(near_end), 16u);
  const int opened = target_.opened;
  shelf_.close();
  EXPECT_EQ(read(0_B), 64u);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), target_.image.begin()));
  EXPECT_EQ(read(near_end), 16u);
  EXPECT_EQ(read(64_B), ~0ull);
  EXPECT_EQ(target_.opened, opened);
}

}  // namespace
}  // namespace strata
