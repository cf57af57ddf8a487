#include "inspect/object/cxx_type.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "inspect/heap/lying_target.h"
#include "inspect/object/cxx_name.h"
#include "inspect/object/cxx_specimen.h"
#include "inspect/target/core.h"

namespace strata {
namespace {

/// What one object is called by typeid, readable: c++filt would say the same.
std::string readable(std::string mangled) {
  if (mangled.starts_with('*')) mangled.erase(0, 1);
  return demangled_type(mangled).value_or(mangled);
}

struct Build {
  const char* name;
  const char* compiler;
  const char* options;
};
// GoogleTest looks for it by this name. NOLINTNEXTLINE(readability-identifier-naming)
void PrintTo(const Build& build, std::ostream* out) { *out << build.name; }

class CxxTypeOf : public testing::TestWithParam<Build> {};

TEST_P(CxxTypeOf, EachObjectIsWhatTypeidSaysAndNothingElseIsOne) {
  const std::string program = cxx_builds().program(GetParam().compiler, GetParam().options);
  if (program.empty()) {
    GTEST_SKIP() << GetParam().compiler << " " << GetParam().options << " cannot build here";
  }
  const Specimen specimen({program});
  ASSERT_FALSE(specimen.said().empty());
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  Peek peek(sight->scene());
  CxxTypes types(peek, sight->space);

  const auto objects = said_by(specimen, "object");
  ASSERT_EQ(objects.size(), 11u) << specimen.said();
  for (const SaidObject& object : objects) {
    const auto vptr = peek.word(object.address);
    ASSERT_TRUE(vptr);
    const std::string* const type = types.type_of(Address{*vptr});
    ASSERT_NE(type, nullptr) << object.what;
    EXPECT_EQ(*type, readable(object.what));
    EXPECT_EQ(types.type_of(Address{*vptr}), type) << "asked again";
  }
  const auto plain = said_by(specimen, "plain");
  ASSERT_EQ(plain.size(), 17u) << specimen.said();
  for (const SaidObject& word : plain) {
    const auto pointer = peek.word(word.address);
    ASSERT_TRUE(pointer);
    const std::string* const type = types.type_of(Address{*pointer});
    EXPECT_EQ(type, nullptr) << word.what << " is taken for " << *type;
  }
  EXPECT_FALSE(peek.exhausted());
  EXPECT_FALSE(types.left_out());
}

INSTANTIATE_TEST_SUITE_P(
    Builds, CxxTypeOf,
    testing::Values(Build{"GccPie", "g++", "-O0"}, Build{"GccPieStripped", "g++", "-O2 -s"},
                    Build{"GccFixed", "g++", "-O2 -fno-pie -no-pie"},
                    Build{"GccStaticStripped", "g++", "-O2 -static -s"},
                    Build{"GccStaticPie", "g++", "-O0 -static-pie"},
                    Build{"GccFixedStatic", "g++", "-O0 -fno-pie -no-pie -static"},
                    Build{"GccWithoutRelro", "g++", "-O2 -Wl,-z,norelro"},
                    Build{"GccOneTextSegment", "g++",
                          "-O2 -no-pie -fno-pie -Wl,-z,noseparate-code"},
                    Build{"GccLazy", "g++", "-O2 -Wl,-z,lazy -Wl,-z,relro"},
                    Build{"GccLld", "g++", "-O2 -fuse-ld=lld"},
                    Build{"GccGold", "g++", "-O2 -fuse-ld=gold -fno-pie -no-pie"},
                    Build{"ClangPie", "clang++", "-O0 -fPIE -pie"},
                    Build{"ClangStripped", "clang++", "-O2 -s"},
                    Build{"ClangFixed", "clang++", "-O2 -fno-pie -no-pie"},
                    Build{"ClangLibcxx", "clang++", "-O2 -stdlib=libc++"}),
    [](const auto& named) { return std::string(named.param.name); });

TEST(CxxType, NamesAreReadable) {
  const std::string program = cxx_builds().program("g++", "-O2 -s");
  if (program.empty()) GTEST_SKIP() << "g++ is not installed";
  const Specimen specimen({program});
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  Peek peek(sight->scene());
  CxxTypes types(peek, sight->space);
  std::vector<std::string> names;
  for (const SaidObject& object : said_by(specimen, "object")) {
    const std::string* const type = types.type_of(Address{peek.word(object.address).value()});
    names.push_back(type == nullptr ? "(none)" : *type);
  }
  const std::vector<std::string> expected = {
      "strata::Thing",
      "strata::Derived",
      "strata::Both",
      "strata::Virtual",
      "strata::Box<int, 3>",
      "strata::Box<strata::Box<char, 2>, 9>",
      "(anonymous namespace)::Hidden",
      "make_local<double>(double)::Local",
      "Task<main::{lambda()#1}>",
      "std::runtime_error",
      "strata::Derived",
  };
  EXPECT_EQ(names, expected);
}

TEST(CxxType, AnObjectOfALoadedLibraryIsKnown) {
  const std::string program = cxx_builds().program("g++", "-O2 -s");
  const std::string plugin = cxx_builds().plugin("g++");
  if (program.empty() || plugin.empty()) GTEST_SKIP() << "g++ is not installed";
  const Specimen specimen({program, plugin});
  const auto objects = said_by(specimen, "object");
  ASSERT_EQ(objects.size(), 12u) << specimen.said();
  // Also where its file was removed since, as by an upgrade.
  ASSERT_EQ(::unlink(plugin.c_str()), 0);
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  Peek peek(sight->scene());
  CxxTypes types(peek, sight->space);
  const std::string* const type = types.type_of(Address{peek.word(objects.back().address).value()});
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(*type, "plugin::Part");
}

TEST(CxxType, ACoreTellsWhatTheProcessWouldHave) {
  const std::string program = cxx_builds().program("g++", "-O2 -s");
  if (program.empty() || !find_program("gcore")) GTEST_SKIP() << "g++ or gcore is not installed";
  const Specimen specimen({program});
  const Scratch scratch;
  if (!scratch.run(fmt::format("gcore -o core {} >log 2>&1", specimen.pid()))) {
    GTEST_SKIP() << "gcore may not trace here";
  }
  const auto core = open_core(fmt::format("{}/core.{}", scratch.path(), specimen.pid()));
  ASSERT_TRUE(core) << core.error().message;
  const PresentMemory memory(**core, nullptr);
  const auto space = read_space(memory);
  ASSERT_TRUE(space) << space.error().message;
  Chart chart;
  Peek peek({*space, memory, chart});
  CxxTypes types(peek, *space);
  const auto objects = said_by(specimen, "object");
  ASSERT_EQ(objects.size(), 11u);
  for (const SaidObject& object : objects) {
    const std::string* const type = types.type_of(Address{peek.word(object.address).value()});
    ASSERT_NE(type, nullptr) << object.what;
    EXPECT_EQ(*type, readable(object.what));
  }
}

TEST(CxxType, WithoutRttiThereIsNoTypeAndNoWrongOne) {
  const Scratch scratch;
  scratch.write("bare.cc", R"cc(
#include <cstdio>
#include <unistd.h>
    struct A {
      virtual ~A() {}
      virtual int f() { return 1; }
    };
    struct B : A {
      int f() override { return 2; }
    };
    int main() {
      std::printf("object %p A\nobject %p B\nready\n", (void*)new A, (void*)new B);
      std::fflush(stdout);
      for (;;) pause();
    })cc");
  if (!scratch.run("g++ -O1 -fno-rtti bare.cc -o bare 2>log")) GTEST_SKIP() << "no g++";
  const Specimen specimen({scratch.path() + "/bare"});
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  Peek peek(sight->scene());
  CxxTypes types(peek, sight->space);
  const auto objects = said_by(specimen, "object");
  ASSERT_EQ(objects.size(), 2u);
  for (const SaidObject& object : objects) {
    EXPECT_EQ(types.type_of(Address{peek.word(object.address).value()}), nullptr) << object.what;
  }
}

/// The symbols that nm prints: an independent reading of the same file.
struct Named {
  std::uint64_t start;
  std::uint64_t size;
  std::string name;
};
std::vector<Named> symbols_of(const std::string& command, const Scratch& scratch) {
  std::vector<Named> all;
  if (!scratch.run(command + " >symbols")) return all;
  std::ifstream lines(scratch.path() + "/symbols");
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Named one;
    char kind;
    words >> std::hex >> one.start >> one.size >> kind >> one.name;
    if (!words) continue;
    one.name = one.name.substr(0, one.name.find('@'));
    all.push_back(one);
  }
  return all;
}

/// Of all words of a module's constants, those that `types` knows must lie in what the linker
/// called the vtable of that type, and of those none may be missing. A table of exported symbols
/// lacks what is local to a file: that lies in none of them.
enum class Symbols { kAll, kExported };
void expect_vtables_alone(const Sight& sight, const Module& module,
                          const std::vector<Named>& symbols, Symbols kind) {
  std::map<std::uint64_t, const Named*> by_end;
  std::set<std::string> unseen;
  for (const Named& symbol : symbols) {
    by_end[module.load_bias.value + symbol.start + symbol.size] = &symbol;
    if (symbol.name.starts_with("_ZTV")) unseen.insert(symbol.name);
  }
  ASSERT_GT(unseen.size(), 20u);

  Chart chart;
  Peek peek({sight.space, *sight.memory, chart}, 1_GiB);
  CxxTypes types(peek, sight.space);
  for (const Segment& segment : module.segments) {
    for (Address at = round_up(segment.range.start, 8_B); at < segment.range.end; at = at + 8_B) {
      const std::string* const type = types.type_of(at);
      if (type == nullptr) continue;
      const auto last = by_end.upper_bound(at.value);
      if (last == by_end.end() || at.value < module.load_bias.value + last->second->start) {
        EXPECT_EQ(kind, Symbols::kExported) << *type << " in no symbol";
        continue;
      }
      const Named& symbol = *last->second;
      EXPECT_TRUE(symbol.name.starts_with("_ZTV") || symbol.name.starts_with("_ZTC"))
          << *type << " in " << symbol.name;
      EXPECT_GE(at.value, module.load_bias.value + symbol.start + 16) << *type;
      if (!symbol.name.starts_with("_ZTV")) continue;
      EXPECT_EQ(*type, readable(symbol.name.substr(4)));
      unseen.erase(symbol.name);
    }
  }
  for (const std::string& name : unseen) ADD_FAILURE() << name << " was not found";
  EXPECT_FALSE(types.left_out());
}

TEST(CxxType, OfAllConstantsOfAStaticProgramOnlyVtablesAreTypes) {
  const std::string program = cxx_builds().program("g++", "-O0 -static-pie");
  const Scratch scratch;
  const auto symbols = program.empty() ? std::vector<Named>()
                                       : symbols_of("nm -S --defined-only " + program, scratch);
  if (symbols.empty()) GTEST_SKIP() << "g++ or nm is not installed";
  const Specimen specimen({program});
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  for (const Module& module : sight->space.modules) {
    if (module.is_executable) expect_vtables_alone(*sight, module, symbols, Symbols::kAll);
  }
}

TEST(CxxType, OfAllConstantsOfTheLibraryOnlyVtablesAreTypes) {
  const std::string program = cxx_builds().program("g++", "-O0");
  if (program.empty()) GTEST_SKIP() << "g++ is not installed";
  const Specimen specimen({program});
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  for (const Module& module : sight->space.modules) {
    if (!module.name.starts_with("libstdc++")) continue;
    const Scratch scratch;
    const auto symbols = symbols_of("nm -D -S --defined-only " + module.path, scratch);
    if (symbols.empty()) GTEST_SKIP() << "nm is not installed";
    expect_vtables_alone(*sight, module, symbols, Symbols::kExported);
    return;
  }
  GTEST_SKIP() << "the program has no libstdc++ of its own";
}

TEST(CxxType, LiesEndWithinBounds) {
  const std::string program = cxx_builds().program("g++", "-O2 -s");
  if (program.empty()) GTEST_SKIP() << "g++ is not installed";
  const Specimen specimen({program});
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  std::size_t known = 0;
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    const LyingTarget liar(*sight->process, sight->space, seed, seed % 3 == 0 ? 3 : 60);
    const PresentMemory memory(liar, sight->scanner.get());
    Chart chart;
    Peek peek({sight->space, memory, chart}, 4_MiB);
    CxxTypes types(peek, sight->space);
    for (const Mapping& mapping : sight->space.mappings) {
      const Address end = std::min(mapping.range.end, mapping.range.start + 64_KiB);
      for (Address at = mapping.range.start; at < end; at = at + 8_B) {
        const std::string* const type = types.type_of(at);
        if (type == nullptr) continue;
        ++known;
        EXPECT_FALSE(type->empty());
        EXPECT_LE(type->size(), 4100u);
      }
    }
    EXPECT_LE(peek.bytes_read(), 4_MiB + 4_KiB);
  }
  EXPECT_GT(known, 0u) << "rare lies leave something to recognise";
}

}  // namespace
}  // namespace strata
