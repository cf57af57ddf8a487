// inspect/space/elf_headers.h - what an ELF image says of itself, taken in with bounds.
// libelf's types and note walker, but not its reader: elf_begin() allocates what a file claims
// before it looks (a sparse file that claims 2^24 sections took 3.4 GB), and it reads the header
// anew, so that a check made beforehand proves nothing about a file that changes meanwhile.
// Source  elf(5), gelf.h; limits below.
// Errors  kUnsupported for what is no ELF program or library of this machine's byte order,
//         kCorrupt where headers contradict the image, kLimit above a limit.
// Threads no shared state.
#pragma once

#include <gelf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "inspect/space/elf_source.h"

namespace strata {

/// As the kernel has it for programs: load_elf_phdrs() in Linux fs/binfmt_elf.c.
inline constexpr Bytes kMostProgramHeaders = 64_KiB;
/// Linked programs have a few dozen; only objects of -ffunction-sections have thousands.
inline constexpr std::uint64_t kMostSections = 65'536;
inline constexpr std::size_t kLongestSectionName = 255;

struct ElfHeaders {
  GElf_Ehdr file;
  std::vector<GElf_Phdr> program;
};

Result<ElfHeaders> read_elf_headers(const ElfSource& source);

/// Empty where the image has no section headers, as after `strip --strip-section-headers`.
Result<std::vector<GElf_Shdr>> read_section_headers(const ElfSource& source, const GElf_Ehdr& file);
/// The names, in the order of `sections`; those that take no memory (no SHF_ALLOC) stay empty.
Result<std::vector<std::string>> read_section_names(const ElfSource& source, const GElf_Ehdr& file,
                                                    const std::vector<GElf_Shdr>& sections);

/// The GNU build id in lower-case hex; empty where there is none, or its note cannot be read.
std::string read_build_id(const ElfSource& source, const ElfHeaders& headers);

}  // namespace strata
