#include "inspect/space/elf_headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <string_view>

namespace strata {
namespace {

constexpr int kOwnByteOrder =
    std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
// A build id is 16 to 32 bytes in a note of its own; these bounds are generous, not measured.
constexpr Bytes kMostNotes = 64_KiB;
constexpr std::size_t kLongestBuildId = 64;

GElf_Ehdr widen(const Elf32_Ehdr& from) {
  GElf_Ehdr to{};
  std::copy(std::begin(from.e_ident), std::end(from.e_ident), std::begin(to.e_ident));
  to.e_type = from.e_type;
  to.e_machine = from.e_machine;
  to.e_version = from.e_version;
  to.e_entry = from.e_entry;
  to.e_phoff = from.e_phoff;
  to.e_shoff = from.e_shoff;
  to.e_flags = from.e_flags;
  to.e_ehsize = from.e_ehsize;
  to.e_phentsize = from.e_phentsize;
  to.e_phnum = from.e_phnum;
  to.e_shentsize = from.e_shentsize;
  to.e_shnum = from.e_shnum;
  to.e_shstrndx = from.e_shstrndx;
  return to;
}
GElf_Phdr widen(const Elf32_Phdr& from) {
  return {.p_type = from.p_type,
          .p_flags = from.p_flags,
          .p_offset = from.p_offset,
          .p_vaddr = from.p_vaddr,
          .p_paddr = from.p_paddr,
          .p_filesz = from.p_filesz,
          .p_memsz = from.p_memsz,
          .p_align = from.p_align};
}
GElf_Shdr widen(const Elf32_Shdr& from) {
  return {.sh_name = from.sh_name,
          .sh_type = from.sh_type,
          .sh_flags = from.sh_flags,
          .sh_addr = from.sh_addr,
          .sh_offset = from.sh_offset,
          .sh_size = from.sh_size,
          .sh_link = from.sh_link,
          .sh_info = from.sh_info,
          .sh_addralign = from.sh_addralign,
          .sh_entsize = from.sh_entsize};
}
template <class Wide>
Wide widen(const Wide& already) {
  return already;
}

bool is_32_bit(const GElf_Ehdr& file) { return file.e_ident[EI_CLASS] == ELFCLASS32; }

/// `count` entries of one table, widened; the caller has bounded `count`.
template <class Raw, class Wide>
Result<std::vector<Wide>> read_table(const ElfSource& source, Bytes offset, std::size_t count,
                                     std::size_t entry_size, std::string_view what) {
  if (entry_size != sizeof(Raw)) {
    return fail(Cause::kCorrupt, "an entry of {} is {} bytes, not {}", what, entry_size,
                sizeof(Raw));
  }
  std::vector<Raw> raw(count);
  auto read = source.read(offset, std::as_writable_bytes(std::span(raw)), what);
  if (!read) return pass(read);
  std::vector<Wide> table;
  table.reserve(count);
  for (const Raw& entry : raw) table.push_back(widen(entry));
  return table;
}

Result<std::vector<GElf_Shdr>> read_section_table(const ElfSource& source, const GElf_Ehdr& file,
                                                  std::size_t count) {
  constexpr std::string_view kWhat = "the section headers";
  const Bytes offset{file.e_shoff};
  return is_32_bit(file)
             ? read_table<Elf32_Shdr, GElf_Shdr>(source, offset, count, file.e_shentsize, kWhat)
             : read_table<Elf64_Shdr, GElf_Shdr>(source, offset, count, file.e_shentsize, kWhat);
}

template <class Raw>
Result<GElf_Ehdr> read_file_header(const ElfSource& source) {
  Raw raw;
  auto read = source.read(Bytes{}, std::as_writable_bytes(std::span(&raw, 1)), "the ELF header");
  if (!read) return pass(read);
  return widen(raw);
}

std::string find_build_id(std::span<std::byte> notes, std::uint64_t alignment) {
  Elf_Data segment{};
  segment.d_buf = notes.data();
  segment.d_size = notes.size();
  segment.d_type = alignment == 8 ? ELF_T_NHDR8 : ELF_T_NHDR;
  segment.d_version = EV_CURRENT;
  GElf_Nhdr note;
  std::size_t name = 0;
  std::size_t content = 0;
  for (std::size_t at = 0; (at = gelf_getnote(&segment, at, &note, &name, &content)) > 0;) {
    if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof("GNU")) continue;
    if (std::memcmp(notes.data() + name, "GNU", sizeof("GNU")) != 0) continue;
    if (note.n_descsz == 0 || note.n_descsz > kLongestBuildId) continue;
    std::string hex;
    for (const std::byte byte : notes.subspan(content, note.n_descsz)) {
      hex += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    }
    return hex;
  }
  return {};
}

}  // namespace

Result<ElfHeaders> read_elf_headers(const ElfSource& source) {
  unsigned char ident[EI_NIDENT];
  auto read = source.read(Bytes{}, std::as_writable_bytes(std::span(ident)), "the ELF header");
  if (!read) return pass(read);
  if (std::memcmp(ident, ELFMAG, SELFMAG) != 0) {
    return fail(Cause::kUnsupported, "no ELF image: it starts with other bytes");
  }
  if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64) {
    return fail(Cause::kUnsupported, "an ELF image of the unknown class {}", ident[EI_CLASS]);
  }
  if (ident[EI_DATA] != kOwnByteOrder) {
    return fail(Cause::kUnsupported, "an ELF image of another byte order");
  }
  auto file = ident[EI_CLASS] == ELFCLASS32 ? read_file_header<Elf32_Ehdr>(source)
                                            : read_file_header<Elf64_Ehdr>(source);
  if (!file) return pass(file);
  // What was read first holds: a file in memory may have changed between the two reads.
  file->e_ident[EI_CLASS] = ident[EI_CLASS];
  if (file->e_type != ET_EXEC && file->e_type != ET_DYN) {
    return fail(Cause::kUnsupported, "an ELF image of type {}: neither program nor library",
                file->e_type);
  }
  const std::uint64_t wanted = std::uint64_t{file->e_phnum} * file->e_phentsize;
  if (Bytes{wanted} > kMostProgramHeaders) {
    return fail(Cause::kLimit, "{} program headers, Linux takes at most {} bytes of them",
                file->e_phnum, kMostProgramHeaders.value);
  }
  constexpr std::string_view kWhat = "the program headers";
  const Bytes offset{file->e_phoff};
  auto program = is_32_bit(*file) ? read_table<Elf32_Phdr, GElf_Phdr>(source, offset, file->e_phnum,
                                                                      file->e_phentsize, kWhat)
                                  : read_table<Elf64_Phdr, GElf_Phdr>(source, offset, file->e_phnum,
                                                                      file->e_phentsize, kWhat);
  if (!program) return pass(program);
  return ElfHeaders{*file, std::move(*program)};
}

Result<std::vector<GElf_Shdr>> read_section_headers(const ElfSource& source,
                                                    const GElf_Ehdr& file) {
  if (file.e_shoff == 0) return std::vector<GElf_Shdr>();
  std::uint64_t count = file.e_shnum;
  if (count == 0) {  // more than fit the header's field: section 0 has their number
    auto first = read_section_table(source, file, 1);
    if (!first) return pass(first);
    count = first->front().sh_size;
  }
  if (count > kMostSections) {
    return fail(Cause::kLimit, "it claims {} sections, Strata reads at most {}", count,
                kMostSections);
  }
  return read_section_table(source, file, count);
}

Result<std::vector<std::string>> read_section_names(const ElfSource& source, const GElf_Ehdr& file,
                                                    const std::vector<GElf_Shdr>& sections) {
  std::vector<std::string> names(sections.size());
  if (sections.empty()) return names;
  const std::size_t index =
      file.e_shstrndx == SHN_XINDEX ? sections.front().sh_link : file.e_shstrndx;
  if (index >= sections.size()) {
    return fail(Cause::kCorrupt, "the names are said to be in section {} of {}", index,
                sections.size());
  }
  const GElf_Shdr& table = sections[index];
  // What is read stays in proportion to the sections, of which the caller keeps count.
  const std::uint64_t most = sections.size() * (kLongestSectionName + 1);
  if (table.sh_size > most) {
    return fail(Cause::kLimit, "the names of {} sections take {} bytes, Strata reads at most {}",
                sections.size(), table.sh_size, most);
  }
  std::string text(table.sh_size, '\0');
  auto read = source.read(Bytes{table.sh_offset}, std::as_writable_bytes(std::span(text)),
                          "the section names");
  if (!read) return pass(read);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if ((sections[i].sh_flags & SHF_ALLOC) == 0) continue;
    const std::size_t start = sections[i].sh_name;
    const std::size_t end = start < text.size() ? text.find('\0', start) : std::string::npos;
    if (end == std::string::npos) {
      return fail(Cause::kCorrupt,
                  "the name of section {} does not end within the {} bytes of names", i,
                  text.size());
    }
    if (end - start > kLongestSectionName) {
      return fail(Cause::kLimit, "the name of section {} has {} bytes, Strata takes at most {}", i,
                  end - start, kLongestSectionName);
    }
    names[i] = text.substr(start, end - start);
  }
  return names;
}

std::string read_build_id(const ElfSource& source, const ElfHeaders& headers) {
  Bytes left = kMostNotes;
  for (const GElf_Phdr& segment : headers.program) {
    if (segment.p_type != PT_NOTE || segment.p_filesz == 0) continue;
    if (Bytes{segment.p_filesz} > left) continue;
    left -= Bytes{segment.p_filesz};
    std::vector<std::byte> notes(segment.p_filesz);
    if (!source.read(Bytes{segment.p_offset}, notes, "the notes")) continue;
    std::string found = find_build_id(notes, segment.p_align);
    if (!found.empty()) return found;
  }
  return {};
}

}  // namespace strata
