// inspect/target/core_layout.h - a core's program headers and mapped files joined to mappings.
// Errors  kCorrupt: a header that wraps, says more bytes in the file than in memory, or overlaps
//         another. Bytes beyond the end of the file are not an error: the core is truncated.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "inspect/target/core_notes.h"
#include "inspect/target/mapping.h"

namespace strata {

/// One PT_LOAD. recorded < range.size(): left out on purpose; present < recorded: cut off.
struct CoreSegment {
  Range range;
  Bytes file_offset;
  Bytes recorded;  ///< the first so many bytes are in the core by its header
  Bytes present;   ///< and so many are there
  bool readable = false;
  bool writable = false;
  bool executable = false;
};

/// The PT_LOADs by address, disjoint.
Result<std::vector<CoreSegment>> arrange_segments(std::span<const Elf64_Phdr> headers,
                                                  Bytes core_size);

/// Null where there is none. Works on what has a `range` and is sorted by it, disjoint.
template <class T>
const T* find_in(const std::vector<T>& sorted, Address address) {
  auto after = std::ranges::upper_bound(sorted, address, {},
                                        [](const T& entry) { return entry.range.start; });
  if (after == sorted.begin()) return nullptr;
  --after;
  return after->range.contains(address) ? &*after : nullptr;
}

/// Both lists are sorted and disjoint; a mapping begins wherever an entry of either begins or ends.
/// What only NT_FILE knows comes without protection.
std::vector<Mapping> join_mappings(const std::vector<CoreSegment>& segments,
                                   const std::vector<CoreFile>& files, Problems& problems);

/// Gives [vdso], [vsyscall] and [stack] their labels. `main_stack_pointer` serves where the
/// auxiliary vector does not tell.
void label_mappings(std::vector<Mapping>& mappings, const std::vector<AuxiliaryEntry>& auxiliary,
                    std::optional<Address> main_stack_pointer);

}  // namespace strata
