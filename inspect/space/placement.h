// inspect/space/placement.h - whether and where an ELF image lies among the mappings.
//
//     mappings   |r--  file 0|r-x file 0x1000|r-- …|rw- …|rw- anonymous|      loaded: a module
//     mappings   |r--  file 0 … to its end                             |      read as data: none
//
// What tells the two apart: the loader maps each PT_LOAD by itself, with its protection.
// Source  elf(5); Linux fs/binfmt_elf.c and glibc elf/dl-map-segments.h for how segments are
// placed. Units   A load bias is what is added to p_vaddr, modulo 2^64: prelinked libraries may lie
// lower
//         than they were linked for.
#pragma once

#include <gelf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/units.h"
#include "inspect/space/module.h"
#include "inspect/target/mapping.h"

namespace strata {

/// Whether both map one file. Within one reading of the mappings device and inode suffice, but a
/// core has neither.
bool is_same_file(const Mapping& a, const Mapping& b);

/// The PT_LOADs of `program` that can be loaded: by p_vaddr, disjoint, congruent to their file
/// offset. What contradicts the one before it is left out.
std::vector<GElf_Phdr> loadable_segments(std::span<const GElf_Phdr> program);

/// The bias that puts offset 0 of the image at `start`; nothing where no segment holds offset 0.
std::optional<Address> find_load_bias(std::span<const GElf_Phdr> loads, Address start);

/// Whether the loader mapped the image whose header is mapped by `header`. `mappings` is the whole
/// address space.
bool is_loaded(std::span<const GElf_Phdr> loads, Address bias, const Mapping& header,
               std::span<const Mapping> mappings);

/// Where the image lies: its segments, as far as they are still mapped, and its range.
struct Placement {
  std::vector<Segment> segments;
  Range range;
};
Placement place_segments(std::span<const GElf_Phdr> loads, Address bias, const Mapping& header,
                         std::span<const Mapping> mappings);

}  // namespace strata
