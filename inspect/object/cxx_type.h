// inspect/object/cxx_type.h - the C++ type of an object by its vtable, without symbols.
//
//     block      [vptr|members …]
//                  |                     .data.rel.ro of a module
//                  +-->  [offset to top|type_info|first function|…     the address point
//                                       |         +--> code of a module
//                                       +--> [vptr|name|bases …]
//                                              |    +--> "N6strata5ThingE", a constant
//                                              +--> the same again: its type_info's name must be
//                                                   one of the three that describe classes
//
// The last step is the proof: only a type_info leads to "N10__cxxabiv117__class_type_infoE" by way
// of two vtables. Plain data does not, and a pointer to a function, a constant, or beside a
// vtable's address point does not either.
//
// Not known: types compiled with -fno-rtti (their vtables name none), a class without any virtual
// function whose vtable is there for a virtual base alone, Clang's relative vtables. An object is
// known by the first word of its block; one whose vptr stands further in is not asked for.
//
// Source  Itanium C++ ABI 2.5.2 "Virtual Table Components", 2.9.5 "RTTI Layout"; libsupc++ and
//         libc++abi. A name that begins with '*' is a type with internal linkage (libsupc++).
// Errors  none: what does not hold, or is not resident and was relocated, is no type.
// Cost    16 MiB of names and 64 Ki answers are remembered; a new vptr costs a few words, of pages
//         that Peek remembers too. No lie of a target makes it more.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "inspect/heap/peek.h"
#include "inspect/space/space.h"

namespace strata {

class CxxTypes {
 public:
  /// Both stay the caller's and must live as long; `space` is asked here alone for its modules.
  CxxTypes(Peek& peek, const Space& space);

  /// The name of the type whose vtable `vptr` points into; nullptr where it is none. Demangled
  /// where that can be done within bounds, else as it stands in the target; raw bytes: show it
  /// through printable(). One type has one name, here also one pointer, which stays valid.
  const std::string* type_of(Address vptr);

  /// Whether types were left without an answer since there are more than a target is allowed.
  bool left_out() const { return left_out_; }

 private:
  enum class Words { kInFileToo, kInMemoryAlone };
  /// Memory of modules that the program cannot write, or not since it was relocated.
  struct Constants {
    Range range;
    Words words;
  };
  /// What can be executed. Some linkers lay constants into one segment with it.
  enum class Holds { kCodeAlone, kConstantsToo };
  struct Code {
    Range range;
    Holds holds;
  };

  void add_settled(const Space& space, Range range, Words words);
  void add_unprotected(const Space& space, const Module& module);
  const Constants* find_constants(Address address) const;
  const Code* find_code(Address address) const;
  std::optional<Address> pointer_at(Address address);
  std::optional<Address> find_type_info(Address vptr);
  std::optional<std::string> read_name(Address type_info);
  bool describes_class(Address type_info);
  bool is_table_of_types(Address vptr);
  const std::string* read_type(Address vptr);
  const std::string* keep(std::string mangled);

  Peek& peek_;
  std::vector<Constants> constants_;                               // by address
  std::vector<Code> code_;                                         // by address
  std::unordered_map<std::uint64_t, const std::string*> answers_;  // by vptr; null: no type
  std::unordered_map<std::uint64_t, bool> describes_class_;        // by vptr of a type_info
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, const std::string*> by_mangled_;
  Bytes kept_;
  std::uint64_t work_ = 0;
  bool left_out_ = false;
};

}  // namespace strata
