// inspect/space/module_image.h - what one ELF image says of itself, wherever it is loaded.
// Errors  as of elf_headers.h. An image whose sections cannot be read still has its segments;
//         `sections_unknown` says why there are no sections.
#pragma once

#include <gelf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "inspect/space/elf_headers.h"
#include "inspect/space/elf_source.h"

namespace strata {

/// Of one process, whatever its files claim: 8,000 modules with 32 sections or segments each.
inline constexpr std::uint64_t kMostModuleParts = 262'144;

struct NamedSection {
  GElf_Shdr header;
  std::string name;
};

struct ModuleImage {
  ElfHeaders headers;
  std::vector<GElf_Phdr> loads;        ///< as loadable_segments() has them
  std::vector<NamedSection> sections;  ///< those that take memory, without .tbss
  std::string sections_unknown;
  std::string build_id;
};

/// `sections_unknown` where it is known beforehand that the source holds no section headers.
/// `parts` counts sections over all images of a process, and bounds them.
Result<ModuleImage> parse_module_image(const ElfSource& source, std::uint64_t& parts,
                                       std::string sections_unknown = {});

}  // namespace strata
