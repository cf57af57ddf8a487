#include <dlfcn.h>
#include <gnu/lib-names.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "inspect/space/image_fake.h"
#include "inspect/space/module.h"
#include "inspect/target/process.h"

// In .symtab alone: a program exports nothing that no library asks for.
extern "C" __attribute__((noinline, used)) int strata_symbol_test_function(int x) {
  return x * 7 + 1;
}
static int strata_symbol_test_local[25];
extern "C" {
thread_local int strata_symbol_test_thread_local = 1;
}

namespace strata {
namespace {

struct OwnProcess {
  std::unique_ptr<Process> process;
  std::vector<Module> modules;

  const Module* find(Address address) const {
    const auto found = std::find_if(modules.begin(), modules.end(),
                                    [&](const Module& m) { return m.range.contains(address); });
    return found == modules.end() ? nullptr : &*found;
  }
};

OwnProcess own_process() {
  auto self = Process::open(getpid());
  EXPECT_TRUE(self) << to_text(self.error());
  auto mappings = (*self)->read_mappings();
  EXPECT_TRUE(mappings) << to_text(mappings.error());
  std::vector<Module> modules = read_modules(PresentMemory(**self, nullptr), *mappings);
  return {std::move(*self), std::move(modules)};
}

template <class T>
Address address_of(T* thing) {
  return Address{reinterpret_cast<std::uintptr_t>(thing)};
}

const Module* libc_of(const OwnProcess& own) {
  // Through dlsym, because a sanitizer has its own versions of functions.
  void* const libc = dlopen(LIBC_SO, RTLD_NOW | RTLD_NOLOAD);
  return own.find(address_of(dlsym(libc, "gnu_get_libc_version")));
}

TEST(FindSymbols, AgreesWithDlsymOnEveryVersion) {
  const OwnProcess own = own_process();
  const Module* libc = libc_of(own);
  ASSERT_NE(libc, nullptr);
  // memcpy and pthread_cond_wait have an old version besides; memcpy's are resolvers.
  const std::vector<std::string_view> names = {"qsort",  "pthread_cond_wait", "environ",
                                               "malloc", "no_such_name",      "fopen"};
  const auto found = find_symbols(PresentMemory(*own.process, nullptr), *libc, names);
  ASSERT_TRUE(found) << to_text(found.error());
  void* const handle = dlopen(LIBC_SO, RTLD_NOW | RTLD_NOLOAD);
  for (const std::string_view name : names) {
    void* const expected = dlsym(handle, std::string(name).c_str());
    const auto first =
        std::find_if(found->begin(), found->end(), [&](const Symbol& s) { return s.name == name; });
    if (expected == nullptr) {
      EXPECT_EQ(first, found->end()) << name;
      continue;
    }
    ASSERT_NE(first, found->end()) << name;
    EXPECT_EQ(first->range.start, address_of(expected)) << name;
    EXPECT_FALSE(first->range.empty()) << name;
  }
}

TEST(FindSymbols, SkipsThreadLocalOnesAndFindsLocalOnes) {
  strata_symbol_test_local[0] = strata_symbol_test_function(strata_symbol_test_thread_local);
  const OwnProcess own = own_process();
  const Module* program = own.find(address_of(&strata_symbol_test_function));
  ASSERT_NE(program, nullptr);
  const auto found = find_symbols(
      PresentMemory(*own.process, nullptr), *program,
      {"strata_symbol_test_function", "strata_symbol_test_thread_local", "symbol_test_function"});
  ASSERT_TRUE(found) << to_text(found.error());
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].range.start, address_of(&strata_symbol_test_function));
}

TEST(FindSymbolAt, NamesWhatCoversTheAddress) {
  const OwnProcess own = own_process();
  const Module* libc = libc_of(own);
  ASSERT_NE(libc, nullptr);
  void* const handle = dlopen(LIBC_SO, RTLD_NOW | RTLD_NOLOAD);
  const Address getenv_start = address_of(dlsym(handle, "getenv"));
  const auto found =
      find_symbol_at(PresentMemory(*own.process, nullptr), *libc, getenv_start + Bytes{3});
  ASSERT_TRUE(found) << to_text(found.error());
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->symbol.name, "getenv");
  EXPECT_EQ((*found)->symbol.range.start, getenv_start);
  EXPECT_EQ((*found)->relation, SymbolAt::Relation::kCovers);

  const Module* program = own.find(address_of(&strata_symbol_test_local));
  ASSERT_NE(program, nullptr);
  const auto local = find_symbol_at(PresentMemory(*own.process, nullptr), *program,
                                    address_of(&strata_symbol_test_local) + Bytes{99});
  ASSERT_TRUE(local) << to_text(local.error());
  ASSERT_TRUE(*local);
  EXPECT_NE((*local)->symbol.name.find("strata_symbol_test_local"), std::string::npos);
  EXPECT_EQ((*local)->symbol.range.size(), Bytes{sizeof(strata_symbol_test_local)});
}

constexpr Address kBase{0x7f0000000000};

template <class Elf>
struct SymbolImage : MadeImage<Elf> {
  using Sym = typename Elf::Sym;
  std::string strings{'\0'};
  std::vector<Sym> symbols{Sym{}};

  std::uint32_t string(std::string_view text) {
    const auto offset = static_cast<std::uint32_t>(strings.size());
    strings.append(text).push_back('\0');
    return offset;
  }
  void symbol(std::uint32_t name, std::uint64_t value, std::uint64_t size,
              unsigned char binding = STB_GLOBAL, unsigned char type = STT_FUNC,
              std::uint16_t section = 1) {
    Sym entry{};
    entry.st_name = name;
    entry.st_value = static_cast<decltype(entry.st_value)>(value);
    entry.st_size = static_cast<decltype(entry.st_size)>(size);
    entry.st_info = static_cast<unsigned char>(binding << 4 | type);
    entry.st_shndx = section;
    symbols.push_back(entry);
  }
  /// As .symtab, with the whole image one executable segment at 0.
  FakeTarget loaded() {
    this->load(0, 0, 0x4000, 0x4000, PF_R | PF_X);
    this->section(".text", SHT_PROGBITS, 0x1000, 0x1000, 0x1000);
    auto& table = this->section(".symtab", SHT_SYMTAB, 0, 0x1000, symbols.size() * sizeof(Sym), 0);
    table.sh_entsize = sizeof(Sym);
    table.sh_link = 3;
    this->section(".strtab", SHT_STRTAB, 0, 0x2000, strings.size(), 0);
    this->finish();
    put(0x1000, symbols.data(), symbols.size() * sizeof(Sym));
    put(0x2000, strings.data(), strings.size());
    return target();
  }
  FakeTarget target() {
    FakeTarget made;
    made.image = this->bytes();
    map_segments(made, this->program, kBase);
    return made;
  }

 private:
  void put(std::size_t offset, const void* from, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(from);
    this->contents.emplace_back(offset, FileContent(first, first + size));
  }
};

Module only_module(const FakeTarget& target) {
  auto modules = read_modules(PresentMemory(target, nullptr), target.mappings);
  EXPECT_EQ(modules.size(), 1u);
  return modules.empty() ? Module{} : modules[0];
}

TEST(FindSymbols, StripsVersionsSharesTailsAndPutsTheDefaultFirst) {
  SymbolImage<Elf32> image;
  const std::uint32_t cfree = image.string("cfree");
  image.symbol(cfree, 0x1100, 4);
  image.symbol(cfree + 1, 0x1110, 4);  // "free"
  image.symbol(image.string("wait@V1"), 0x1000, 4);
  image.symbol(image.string("wait@@V2"), 0x1200, 4);
  image.symbol(image.string("abs"), 0x1300, 0, STB_GLOBAL, STT_NOTYPE, SHN_ABS);
  image.symbol(image.string("undefined"), 0, 0, STB_GLOBAL, STT_FUNC, SHN_UNDEF);
  image.symbol(image.string("away"), 0x90000000, 4);
  const FakeTarget target = image.loaded();
  const auto found =
      find_symbols(PresentMemory(target, nullptr), only_module(target),
                   {"free", "wait", "abs", "undefined", "away", "", "V1", "wait@V1"});
  ASSERT_TRUE(found) << to_text(found.error());
  std::vector<std::pair<std::string, std::uint64_t>> pairs;
  for (const Symbol& s : *found) pairs.emplace_back(s.name, (s.range.start - kBase).value);
  const decltype(pairs) expected = {{"free", 0x1110}, {"wait", 0x1200}, {"wait", 0x1000}};
  EXPECT_EQ(pairs, expected);
}

TEST(FindSymbolAt, TellsWhatCoversFromWhatOnlyLiesBelow) {
  SymbolImage<Elf64> image;
  image.symbol(image.string("outer"), 0x1000, 0x200);
  image.symbol(image.string("inner@@V1"), 0x1080, 0x10);
  image.symbol(image.string("within"), 0x1090, 0, STB_LOCAL, STT_NOTYPE);
  image.symbol(image.string("label"), 0x1300, 0, STB_LOCAL, STT_NOTYPE);
  image.symbol(image.string("weak"), 0x1400, 0x10, STB_WEAK);
  image.symbol(image.string("strong"), 0x1400, 0x10);
  image.symbol(image.string("at_its_end"), 0x1410, 0, STB_LOCAL, STT_NOTYPE);
  const FakeTarget target = image.loaded();
  const Module module = only_module(target);
  const auto said_at = [&](const Module& of, std::uint64_t offset) -> std::string {
    const auto found = find_symbol_at(PresentMemory(target, nullptr), of, kBase + Bytes{offset});
    EXPECT_TRUE(found) << to_text(found.error());
    if (!*found) return "none";
    const char* const how[] = {"in ", "from ", "after "};
    return how[static_cast<int>((*found)->relation)] + (*found)->symbol.name;
  };
  EXPECT_EQ(said_at(module, 0x1085), "in inner");
  EXPECT_EQ(said_at(module, 0x1095), "in outer");
  EXPECT_EQ(said_at(module, 0x11ff), "in outer");
  EXPECT_EQ(said_at(module, 0x1200), "after outer");  // not "within", which ends with it
  EXPECT_EQ(said_at(module, 0x1300), "from label");
  EXPECT_EQ(said_at(module, 0x13ff), "from label");
  EXPECT_EQ(said_at(module, 0x1404), "in strong");
  EXPECT_EQ(said_at(module, 0x1410), "from at_its_end");
  EXPECT_EQ(said_at(module, 0x800), "none");
  EXPECT_EQ(said_at(module, 0x100000), "none");
  // What lies below in another section says nothing.
  Module parted = module;
  parted.sections = {{{kBase + Bytes{0x1000}, kBase + Bytes{0x1300}}, ".text"},
                     {{kBase + Bytes{0x1320}, kBase + Bytes{0x1400}}, ".rodata"}};
  EXPECT_EQ(said_at(parted, 0x1250), "after outer");
  EXPECT_EQ(said_at(parted, 0x1330), "none");
  EXPECT_EQ(said_at(parted, 0x1310), "none");
  EXPECT_EQ(said_at(parted, 0x1404), "in strong");
}

TEST(FindSymbols, FindsNamesAcrossTheReadingWindow) {
  SymbolImage<Elf64> image;
  // The window is 1 MiB: one string ends just behind its edge, another just before.
  image.strings.resize((1 << 20) - 8, 'x');
  image.strings.push_back('\0');
  const std::uint32_t before = image.string("abc");
  const std::uint32_t across = image.string("across_the_edge");
  image.symbol(before, 0x1100, 1);
  image.symbol(across, 0x1200, 1);
  // Behind everything else in the file.
  image.symbol(0, 0, 0, STB_LOCAL, STT_NOTYPE, SHN_UNDEF);
  FakeTarget target = image.loaded();
  image.contents.clear();
  const std::size_t end = 0x4000;
  const auto bytes_of = [](const auto& of, std::size_t size) {
    const auto* first = reinterpret_cast<const std::byte*>(of.data());
    return FileContent(first, first + size);
  };
  image.contents.emplace_back(0x1000,
                              bytes_of(image.symbols, image.symbols.size() * sizeof(Elf64_Sym)));
  image.contents.emplace_back(end, bytes_of(image.strings, image.strings.size()));
  image.sections[3].sh_offset = end;
  target = image.target();
  const auto found = find_symbols(PresentMemory(target, nullptr), only_module(target),
                                  {"abc", "across_the_edge", "cross_the_edge"});
  ASSERT_TRUE(found) << to_text(found.error());
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].range.start, kBase + Bytes{0x1100});
  EXPECT_EQ((*found)[1].range.start, kBase + Bytes{0x1200});
}

TEST(FindSymbols, RefusesTablesThatLie) {
  struct Lie {
    void (*tell)(SymbolImage<Elf64>&);
    Cause cause;
  };
  const Lie lies[] = {
      {[](auto& image) { image.sections[2].sh_size = 90'000'000'000; }, Cause::kLimit},
      {[](auto& image) { image.sections[3].sh_size = 90'000'000'000; }, Cause::kLimit},
      {[](auto& image) { image.sections[2].sh_size = 900'000'000; }, Cause::kCorrupt},
      {[](auto& image) { image.sections[2].sh_offset = ~std::uint64_t{0} - 8; }, Cause::kCorrupt},
      {[](auto& image) { image.sections[3].sh_offset = ~std::uint64_t{0} - 8; }, Cause::kCorrupt},
      {[](auto& image) { image.sections[2].sh_entsize = 0; }, Cause::kCorrupt},
      {[](auto& image) { image.sections[2].sh_link = 77; }, Cause::kCorrupt},
  };
  for (const Lie& lie : lies) {
    SymbolImage<Elf64> image;
    image.symbol(image.string("a"), 0x1000, 0x10);
    image.loaded();
    lie.tell(image);
    const FakeTarget target = image.target();
    const auto found = find_symbols(PresentMemory(target, nullptr), only_module(target), {"a"});
    ASSERT_FALSE(found) << &lie - lies;
    EXPECT_EQ(found.error().cause, lie.cause) << to_text(found.error());
    EXPECT_FALSE(
        find_symbol_at(PresentMemory(target, nullptr), only_module(target), kBase + Bytes{0x1004}))
        << &lie - lies;
  }
}

TEST(FindSymbols, OfAModuleWhoseFileIsGoneSaysWhy) {
  SymbolImage<Elf64> image;
  image.symbol(image.string("a"), 0x1000, 0x10);
  FakeTarget target = image.loaded();
  target.is_file_gone = true;
  const auto found = find_symbols(PresentMemory(target, nullptr), only_module(target), {"a"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "it was deleted");
}

}  // namespace
}  // namespace strata
