// inspect/object/cxx_specimen.h - for the tests: a C++ program that holds objects and says which.
//
//     object ADDRESS NAME     an object, and its typeid's name, mangled, as the runtime has it
//     plain ADDRESS WHAT      a word that looks like a vptr and is none
//     ready
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "inspect/heap/runtime_specimen.h"

namespace strata {

inline constexpr const char* kCxxSpecimen = R"cc(
#include <dlfcn.h>
#include <unistd.h>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <typeinfo>

  namespace strata {
  struct Thing {
    virtual ~Thing() {}
    virtual int value() { return 1; }
    int field = 7;
  };
  struct Derived : Thing {
    int value() override { return 2; }
  };
  struct Other {
    virtual ~Other() {}
    virtual long more() { return 3; }
  };
  struct Both : Thing, Other {
    long more() override { return 4; }
  };
  struct Virtual : virtual Thing {
    int value() override { return 5; }
  };
  template <class T, int N>
  struct Box : Thing {
    T held[N];
  };
  struct Abstract {
    virtual ~Abstract() = default;
    virtual void act() = 0;
  };
  }  // namespace strata

  namespace {
  struct Hidden : strata::Abstract {
    void act() override {}
  };
  }  // namespace

  template <class T>
  strata::Thing* make_local(T from) {
    struct Local : strata::Thing {
      T held;
    };
    Local* made = new Local;
    made->held = from;
    return made;
  }

  template <class Function>
  struct Task : strata::Abstract {
    explicit Task(Function f) : function(f) {}
    void act() override { function(); }
    Function function;
  };
  template <class Function>
  strata::Abstract* make_task(Function f) {
    return new Task<Function>(f);
  }

  template <class T>
  void show(T* object) {
    std::printf("object %p %s\n", dynamic_cast<void*>(object), typeid(*object).name());
  }
  void plain(const void* pointer, const char* what) {
    const void** const block = new const void*[2];
    block[0] = pointer;
    std::printf("plain %p %s\n", static_cast<void*>(block), what);
  }

  static const char kWords[64] = "a constant that stands in .rodata, next to others";
  extern const std::type_info* const kTypes[];
  const std::type_info* const kTypes[] = {&typeid(strata::Thing), &typeid(strata::Derived),
                                          &typeid(strata::Both), nullptr};

  int main(int argc, char** argv) {
    using namespace strata;
    show(new Thing);
    show(new Derived);
    show(new Both);
    show(new Virtual);
    show(new Box<int, 3>);
    show(new Box<Box<char, 2>, 9>);
    show<Abstract>(new Hidden);
    show(make_local(1.5));
    int captured = argc;
    show(make_task([captured] { std::printf("%d", captured); }));
    show<std::exception>(new std::runtime_error("it is of the library"));
    // Two of a kind: one answer.
    show(new Derived);

    const void* vptr;
    std::memcpy(&vptr, static_cast<void*>(new Both), sizeof vptr);
    const char* const vtable = static_cast<const char*>(vptr);
    plain(vtable + 8, "second-function");
    plain(vtable - 8, "type-info-slot");
    plain(vtable - 16, "top-of-vtable");
    plain(vtable + 1, "unaligned");
    plain(&typeid(Both), "type-info");
    plain(typeid(Both).name(), "name");
    plain(reinterpret_cast<const void*>(&main), "function");
    plain(kWords, "words");
    for (int i = 0; i < 3; ++i) plain(kTypes + i, "table-of-types");
    plain(nullptr, "null");
    plain(reinterpret_cast<const void*>(~0ul), "all-ones");
    plain(&vptr, "stack");
    plain(stdout, "data-of-a-library");

    // A vtable with all its parts, in the heap; and one whose type_info alone is there.
    long* const heap_table = new long[8]();
    std::memcpy(heap_table, vtable - 16, 40);
    plain(heap_table + 2, "vtable-in-the-heap");
    static long data_table[8] = {1};
    std::memcpy(data_table, vtable - 16, 40);
    plain(data_table + 2, "vtable-in-writable-data");

    if (argc > 1) {
      void* const library = dlopen(argv[1], RTLD_NOW);
      if (library == nullptr) return std::printf("%s\n", dlerror()), 1;
      auto* const make = reinterpret_cast<Thing* (*)()>(dlsym(library, "make_plugin"));
      show(make());
    }
    std::printf("ready\n");
    std::fflush(stdout);
    for (;;) pause();
  }
)cc";

inline constexpr const char* kCxxPlugin = R"cc(
  namespace strata {
  struct Thing {
    virtual ~Thing() {}
    virtual int value() { return 1; }
    int field = 7;
  };
  }  // namespace strata
  namespace plugin {
  struct Part : strata::Thing {
    int value() override { return 6; }
  };
  }  // namespace plugin
  extern "C" strata::Thing* make_plugin() { return new plugin::Part; }
)cc";

/// What the specimen said it holds.
struct SaidObject {
  Address address;
  std::string what;
};
inline std::vector<SaidObject> said_by(const Specimen& specimen, const std::string& label) {
  std::vector<SaidObject> all;
  std::istringstream lines(specimen.said());
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    std::string address;
    SaidObject one;
    words >> first >> address >> one.what;
    if (first != label) continue;
    one.address.value = std::strtoull(address.c_str(), nullptr, 16);
    all.push_back(one);
  }
  return all;
}

/// The program, built once for each command line; empty where it cannot be built so.
class CxxBuilds {
 public:
  std::string program(const std::string& compiler, const std::string& options) {
    const std::string command = compiler + " -std=c++17 " + options;
    const auto known = built_.find(command);
    if (known != built_.end()) return known->second;
    if (built_.empty()) scratch_.write("specimen.cc", kCxxSpecimen);
    const std::string name = fmt::format("specimen{}", built_.size());
    const bool done =
        find_program(compiler) &&
        scratch_.run(fmt::format("{} specimen.cc -o {} -ldl 2>{}.log", command, name, name));
    return built_[command] = done ? scratch_.path() + "/" + name : "";
  }
  std::string plugin(const std::string& compiler) {
    scratch_.write("plugin.cc", kCxxPlugin);
    const bool done = find_program(compiler) &&
                      scratch_.run(compiler + " -O2 -shared -fPIC plugin.cc -o plugin.so");
    return done ? scratch_.path() + "/plugin.so" : "";
  }

 private:
  Scratch scratch_;
  std::map<std::string, std::string> built_;
};

inline CxxBuilds& cxx_builds() {
  static CxxBuilds builds;
  return builds;
}

}  // namespace strata
