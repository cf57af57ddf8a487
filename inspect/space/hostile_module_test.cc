// Images that are unusual, and images that lie.
#include <gtest/gtest.h>

#include "inspect/space/image_fake.h"
#include "inspect/space/module.h"

namespace strata {
namespace {

constexpr Address kBase{0x7f0000000000};

/// Code, data and .bss as a linker lays them out, with four sections.
template <class Elf = Elf64>
MadeImage<Elf> usual_image(std::uint64_t vaddr = 0) {
  MadeImage<Elf> image;
  image.load(vaddr, 0, 0x800, 0x800, PF_R);
  image.load(vaddr + 0x1000, 0x1000, 0x500, 0x500, PF_R | PF_X);
  image.load(vaddr + 0x3000, 0x2000, 0x300, 0x3300, PF_R | PF_W);
  image.segment(PT_GNU_RELRO, vaddr + 0x3000, 0x2000, 0x100, 0x100, PF_R, 1);
  image.segment(PT_TLS, vaddr + 0x3000, 0x2000, 0x10, 0x40, PF_R, 0x20);
  image.section(".text", SHT_PROGBITS, vaddr + 0x1000, 0x1000, 0x500);
  image.section(".tdata", SHT_PROGBITS, vaddr + 0x3000, 0x2000, 0x10, SHF_ALLOC | SHF_TLS);
  image.section(".tbss", SHT_NOBITS, vaddr + 0x3010, 0x2010, 0x30, SHF_ALLOC | SHF_TLS);
  image.section(".data", SHT_PROGBITS, vaddr + 0x3010, 0x2010, 0x2f0);
  image.section(".bss", SHT_NOBITS, vaddr + 0x3300, 0x2300, 0x3000);
  image.finish();
  return image;
}

template <class Elf>
FakeTarget loaded(const MadeImage<Elf>& image, Address bias = kBase) {
  FakeTarget target;
  target.image = image.bytes();
  map_segments(target, image.program, bias);
  return target;
}

std::vector<Module> modules_of(const FakeTarget& target) {
  return read_modules(PresentMemory(target, nullptr), target.mappings);
}

Range at(Address base, std::uint64_t start, std::uint64_t end) {
  return {base + Bytes{start}, base + Bytes{end}};
}

std::string names_of(const Module& module) {
  std::string names;
  for (const Section& section : module.sections) names += section.name + " ";
  return names;
}

template <class Elf>
void expect_usual(const Module& module, Address base) {
  EXPECT_EQ(module.range, at(base, 0, 0x7000));
  ASSERT_EQ(module.segments.size(), 3u);
  EXPECT_EQ(module.segments[0].range, at(base, 0, 0x800));
  EXPECT_EQ(module.segments[1].range, at(base, 0x1000, 0x1500));
  EXPECT_EQ(module.segments[2].range, at(base, 0x3000, 0x6300));
  EXPECT_TRUE(module.segments[1].executable);
  EXPECT_TRUE(module.segments[2].writable);
  EXPECT_EQ(names_of(module), ".text .tdata .data .bss ");
  EXPECT_EQ(module.sections.back().range, at(base, 0x3300, 0x6300));
  EXPECT_EQ(module.relro, at(base, 0x3000, 0x3100));
  EXPECT_EQ(module.tls_size, Bytes{0x40});
  EXPECT_EQ(module.tls_alignment, Bytes{0x20});
  EXPECT_EQ(module.sections_unknown, "");
}

TEST(UnusualModule, OfEitherClassAtAnyBias) {
  for (const std::uint64_t vaddr : {0x0, 0x400000, 0x4a123000}) {
    const Address bias{kBase.value - vaddr};
    const auto wide = modules_of(loaded(usual_image<Elf64>(vaddr), bias));
    ASSERT_EQ(wide.size(), 1u);
    EXPECT_EQ(wide[0].load_bias, bias);
    expect_usual<Elf64>(wide[0], kBase);
  }
  // Prelinked for an address above the one it lies at: the bias wraps.
  const Address low{0x10000000};
  const Address bias{low.value - 0x4a123000};
  const auto narrow = modules_of(loaded(usual_image<Elf32>(0x4a123000), bias));
  ASSERT_EQ(narrow.size(), 1u);
  EXPECT_EQ(narrow[0].load_bias, bias);
  expect_usual<Elf32>(narrow[0], low);
}

TEST(UnusualModule, WithoutItsFileIsReadFromMemory) {
  FakeTarget target = loaded(usual_image());
  target.is_file_gone = true;
  const auto modules = modules_of(target);
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].segments.size(), 3u);
  EXPECT_TRUE(modules[0].relro);
  EXPECT_TRUE(modules[0].sections.empty());
  EXPECT_EQ(modules[0].sections_unknown, "its file cannot be had: it was deleted");
}

TEST(UnusualModule, WithoutSectionHeaders) {
  auto image = usual_image();
  image.header.e_shoff = image.header.e_shnum = image.header.e_shstrndx = 0;
  const auto modules = modules_of(loaded(image));
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].segments.size(), 3u);
  EXPECT_NE(modules[0].sections_unknown.find("stripped"), std::string::npos);
}

TEST(UnusualModule, WithAHoleOfTwoMegabytesBetweenSegments) {
  MadeImage<Elf64> image;
  image.load(0, 0, 0x1000, 0x1000, PF_R | PF_X, 0x200000);
  image.load(0x201000, 0x1000, 0x200, 0x400, PF_R | PF_W, 0x200000);
  image.finish();
  FakeTarget target = loaded(image);
  // ld.so leaves the hole mapped without any rights.
  target.mappings.insert(target.mappings.begin() + 1,
                         file_mapping(at(kBase, 0x1000, 0x201000), 4_KiB, "---"));
  const auto modules = modules_of(target);
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].range, at(kBase, 0, 0x202000));
  ASSERT_EQ(modules[0].segments.size(), 2u);
  EXPECT_EQ(modules[0].segments[1].range, at(kBase, 0x201000, 0x201400));
}

TEST(UnusualModule, PartlyUnmappedHasWhatIsLeft) {
  FakeTarget target = loaded(usual_image());
  target.mappings.erase(target.mappings.begin() + 1);          // the code
  target.mappings.back().range.start = kBase + Bytes{0x5000};  // the first page of .bss
  const auto modules = modules_of(target);
  ASSERT_EQ(modules.size(), 1u);
  ASSERT_EQ(modules[0].segments.size(), 2u);
  EXPECT_EQ(modules[0].segments[1].range, at(kBase, 0x3000, 0x4000));
  EXPECT_EQ(modules[0].range, at(kBase, 0, 0x4000));
  EXPECT_EQ(names_of(modules[0]), ".tdata .data .bss ");
}

TEST(UnusualModule, WithCodeMovedToAnonymousMemory) {
  FakeTarget target = loaded(usual_image());
  target.mappings[1] = anonymous_mapping(target.mappings[1].range);
  const auto modules = modules_of(target);
  ASSERT_EQ(modules.size(), 1u);
  expect_usual<Elf64>(modules[0], kBase);
}

TEST(UnusualModule, LoadedTwiceAndReadAsDataIsTwo) {
  const auto image = usual_image();
  FakeTarget target = loaded(image);
  target.mappings.push_back(file_mapping(at(kBase, 0x100000, 0x104000), 0_B, "r--"));
  map_segments(target, image.program, kBase + Bytes{0x200000});
  const auto modules = modules_of(target);
  ASSERT_EQ(modules.size(), 2u);
  EXPECT_EQ(modules[0].load_bias, kBase);
  EXPECT_EQ(modules[1].load_bias, kBase + Bytes{0x200000});
}

TEST(UnusualModule, WhoseDataIsOnTheHeadersPageIsOne) {
  MadeImage<Elf64> image;
  image.load(0, 0, 0x600, 0x600, PF_R | PF_X);
  image.load(0x1600, 0x600, 0x100, 0x100, PF_R | PF_W);
  image.finish();
  const auto modules = modules_of(loaded(image));
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].segments.size(), 2u);
}

TEST(UnusualModule, OfOneSegmentIsTheProgramWhenTheAuxiliaryVectorSaysSo) {
  MadeImage<Elf64> image;
  image.load(0, 0, 0x600, 0x600, PF_R | PF_W | PF_X);
  image.finish();
  FakeTarget target = loaded(image);
  target.auxiliary_vector = {{.type = 3 /* AT_PHDR */, .value = kBase.value + 64}};
  const auto modules = modules_of(target);
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_TRUE(modules[0].is_executable);
}

TEST(UnusualModule, VdsoIsReadFromMemory) {
  MadeImage<Elf64> image = usual_image();
  image.program.clear();
  image.load(0, 0, 0x4000, 0x4000, PF_R | PF_X);
  image.header.e_phnum = 1;
  FakeTarget target;
  target.image = image.bytes();
  target.mappings.push_back(anonymous_mapping(at(kBase, 0, 0x4000)));
  target.mappings[0].name = "[vdso]";
  const auto modules = modules_of(target);
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].name, "[vdso]");
  EXPECT_EQ(names_of(modules[0]), ".text .tdata .data .bss ");
}

/// The one module of an image that lies about its sections; its segments are as they were.
Module lying(const MadeImage<Elf64>& image, Bytes file_size = {}) {
  FakeTarget target = loaded(image);
  target.file_size = file_size;
  std::vector<Module> modules = modules_of(target);
  EXPECT_EQ(modules.size(), 1u);
  if (modules.empty()) return {};
  EXPECT_EQ(modules[0].segments.size(), 3u);
  return modules[0];
}

TEST(LyingModule, WithMoreSectionsThanAnyFileHas) {
  auto image = usual_image();
  image.header.e_shnum = 0;
  image.sections[0].sh_size = std::uint64_t{1} << 32;
  const Module module = lying(image, 100_GiB);
  EXPECT_TRUE(module.sections.empty());
  EXPECT_NE(module.sections_unknown.find("4294967296 sections"), std::string::npos)
      << module.sections_unknown;
}

TEST(LyingModule, WithSectionHeadersBeyondTheFile) {
  auto image = usual_image();
  image.header.e_shoff = ~std::uint64_t{0} - 16;
  EXPECT_NE(lying(image).sections_unknown.find("the image has"), std::string::npos);
  image = usual_image();
  image.header.e_shnum = 0xff00;
  EXPECT_NE(lying(image).sections_unknown.find("the image has"), std::string::npos);
}

TEST(LyingModule, WithSectionHeadersOfAnotherSize) {
  auto image = usual_image();
  image.header.e_shentsize = 0;
  EXPECT_NE(lying(image).sections_unknown.find("0 bytes, not 64"), std::string::npos);
}

TEST(LyingModule, WithNamesOutsideTheirTable) {
  auto image = usual_image();
  image.sections[1].sh_name = 0xfffffff0;
  EXPECT_NE(lying(image).sections_unknown.find("the name of section 1"), std::string::npos);
  image = usual_image();
  image.header.e_shstrndx = 0xfe00;
  EXPECT_NE(lying(image).sections_unknown.find("section 65024 of 7"), std::string::npos);
  image = usual_image();
  image.sections.back().sh_size = 50'000'000'000;
  EXPECT_NE(lying(image, 100_GiB).sections_unknown.find("50000000000 bytes"), std::string::npos);
}

TEST(LyingModule, WithSectionsThatOverlapLeaveOrWrapIsClipped) {
  auto image = usual_image();
  image.sections[1].sh_size = 0x100000;                   // .text runs over everything
  image.sections[4].sh_addr = 0x3008;                     // .data over .tdata
  image.sections[5].sh_size = ~std::uint64_t{0} - 0x100;  // .bss wraps
  const Module module = lying(image);
  EXPECT_EQ(names_of(module), ".text .tdata .data .bss ");
  ASSERT_EQ(module.sections.size(), 4u);
  EXPECT_EQ(module.sections[0].range, at(kBase, 0x1000, 0x1500));
  EXPECT_EQ(module.sections[2].range, at(kBase, 0x3010, 0x32f8));
  EXPECT_EQ(module.sections[3].range, at(kBase, 0x3300, 0x6300));
}

TEST(LyingModule, WithNoSectionInAnySegmentSaysSo) {
  auto image = usual_image();
  for (auto& section : image.sections) section.sh_addr += 0x10000000;
  const Module module = lying(image);
  EXPECT_TRUE(module.sections.empty());
  EXPECT_EQ(module.sections_unknown, "none of its 4 sections lies in a mapped segment");
}

TEST(LyingModule, WithTooManyProgramHeadersIsNone) {
  auto image = usual_image();
  image.header.e_phnum = 0xffff;
  FakeTarget target = loaded(image);
  target.file_size = 100_GiB;
  EXPECT_TRUE(modules_of(target).empty());
}

TEST(LyingModule, WithAnEndlessSegmentClaimsNoMoreThanIsMapped) {
  auto image = usual_image();
  FakeTarget target = loaded(image);
  image.program[2].p_memsz = std::uint64_t{1} << 46;
  target.image = image.bytes();
  target.mappings.push_back(anonymous_mapping(at(kBase, 0x100000, 0x200000)));
  const auto modules = modules_of(target);
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].range, at(kBase, 0, 0x7000));
}

TEST(LyingModule, WithSegmentsThatContradictEachOtherKeepsTheFirst) {
  auto image = usual_image();
  image.load(0x1000, 0x1000, 0x100, 0x100, PF_R | PF_X);                   // again
  image.load(~std::uint64_t{0} - 0x10, 0x1ff0, 0x10, 0x100, PF_R | PF_X);  // wraps
  image.load(0x9000, 0x1000, 0x200, 0x100, PF_R);                          // less memory than file
  FakeTarget target = loaded(usual_image());
  image.header.e_phnum = static_cast<Elf64_Half>(image.program.size());
  target.image = image.bytes();
  const auto modules = modules_of(target);
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].segments.size(), 3u);
}

TEST(LyingModule, CutShortIsNone) {
  const FakeTarget whole = loaded(usual_image());
  for (const std::size_t size : {0, 3, 15, 63, 64, 200}) {
    FakeTarget target = loaded(usual_image());
    target.image = whole.image;
    target.image.resize(size);
    EXPECT_TRUE(modules_of(target).empty()) << size;
  }
}

}  // namespace
}  // namespace strata
