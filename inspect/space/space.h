// inspect/space/space.h - what the address space is: mappings, modules, threads and their stacks.
// A Space is one moment's picture and never touches the target again.
// Source  inspect/target for the raw records; stacks by glibc's thread descriptors (stack.cc).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "inspect/page/present_memory.h"
#include "inspect/space/module.h"
#include "inspect/space/stack.h"
#include "inspect/target/target.h"

namespace strata {

struct Space {
  std::vector<Mapping> mappings;  ///< by address
  std::vector<Module> modules;    ///< by address
  std::vector<Thread> threads;    ///< by tid
  std::vector<Stack> stacks;      ///< by address
  std::vector<AuxiliaryEntry> auxiliary_vector;
  std::vector<std::string> notes;  ///< what could not be seen, a sentence each

  const Mapping* find_mapping(Address address) const;
  const Module* find_module(Address address) const;
  const Stack* find_stack(Address address) const;
};

/// Reads the picture. `frozen` are the threads with the registers they were stopped at, or empty:
/// then only threads that are blocked in the kernel show where their stack ends. What files say is
/// taken from `shelf`.
Result<Space> read_space(const PresentMemory& memory, const std::vector<Thread>& frozen,
                         Shelf& shelf);
Result<Space> read_space(const PresentMemory& memory, const std::vector<Thread>& frozen = {});

}  // namespace strata
