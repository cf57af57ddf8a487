// inspect/space/image_fake.h - for tests and fuzzers: a target that has one ELF image loaded, and
// images made by hand.
#pragma once

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "inspect/target/target.h"

namespace strata {

using FileContent = std::vector<std::byte>;

class FakeTarget final : public Target {
 public:
  FileContent image;
  Bytes file_size;            ///< above the image's size: a sparse file
  bool is_file_gone = false;  ///< then its bytes are in memory alone
  mutable int opened = 0;     ///< how often its file was
  std::vector<Mapping> mappings;
  std::vector<AuxiliaryEntry> auxiliary_vector;

  const Identity& identity() const override { return identity_; }
  Result<std::vector<Mapping>> read_mappings() const override { return mappings; }
  Result<std::vector<Thread>> read_threads() const override { return std::vector<Thread>(); }
  Result<std::vector<AuxiliaryEntry>> read_auxiliary_vector() const override {
    return auxiliary_vector;
  }
  Result<Bytes> read_memory(Address from, std::span<std::byte> into) const override {
    std::size_t done = 0;
    while (done < into.size()) {
      const Address at = from + Bytes{done};
      const auto mapping = std::find_if(mappings.begin(), mappings.end(),
                                        [&](const Mapping& m) { return m.range.contains(at); });
      if (mapping == mappings.end()) break;
      const std::size_t size =
          std::min<std::uint64_t>(into.size() - done, (mapping->range.end - at).value);
      const std::uint64_t offset = mapping->offset.value + (at - mapping->range.start).value;
      std::fill_n(into.data() + done, size, std::byte{});
      if (!mapping->name.empty() && offset < image.size()) {
        std::copy_n(image.data() + offset, std::min(size, image.size() - offset),
                    into.data() + done);
      }
      done += size;
    }
    return Bytes{done};
  }
  Result<File> open_mapped_file(const Mapping&) const override {
    ++opened;
    if (is_file_gone) return fail(Cause::kNotFound, "it was deleted");
    File file(memfd_create("image", MFD_CLOEXEC));
    if (write(file.fd(), image.data(), image.size()) != static_cast<ssize_t>(image.size()) ||
        ftruncate(file.fd(), static_cast<off_t>(std::max(file_size.value, image.size()))) != 0) {
      return fail_errno(errno, "memfd");
    }
    return file;
  }
  Result<File> open_kernel_file(const std::string&) const override {
    return fail(Cause::kUnsupported, "a fake");
  }
  Result<std::string> read_kernel_text(const std::string&) const override {
    return fail(Cause::kUnsupported, "a fake");
  }
  std::vector<std::string> absences() const override { return {}; }

 private:
  Identity identity_;
};

inline Mapping file_mapping(Range range, Bytes offset, std::string_view rwx) {
  Mapping mapping;
  mapping.range = range;
  mapping.readable = rwx[0] == 'r';
  mapping.writable = rwx[1] == 'w';
  mapping.executable = rwx[2] == 'x';
  mapping.offset = offset;
  mapping.device_major = 8;
  mapping.inode = 42;
  mapping.name = "/lib/image.so";
  return mapping;
}

inline Mapping anonymous_mapping(Range range) {
  Mapping mapping;
  mapping.range = range;
  mapping.readable = mapping.writable = true;
  return mapping;
}

/// Maps the segments as the kernel does; what does not fit behind the mapping before is left out.
template <class Phdr>
void map_segments(FakeTarget& target, const std::vector<Phdr>& program, Address bias) {
  for (const Phdr& load : program) {
    if (load.p_type != PT_LOAD) continue;
    const Bytes page = page_size();
    const Address start{bias.value + load.p_vaddr};
    const Range file = {round_down(start, page), round_up(start + Bytes{load.p_filesz}, page)};
    const Range zero = {file.end, round_up(start + Bytes{load.p_memsz}, page)};
    const Address free = target.mappings.empty() ? Address{} : target.mappings.back().range.end;
    const std::string rwx = {load.p_flags & PF_R ? 'r' : '-', load.p_flags & PF_W ? 'w' : '-',
                             load.p_flags & PF_X ? 'x' : '-'};
    if (file.start < free) continue;
    if (load.p_filesz != 0 && !file.empty()) {
      target.mappings.push_back(
          file_mapping(file, round_down(Address{load.p_offset}, page) - Address{}, rwx));
    }
    if (!zero.empty()) target.mappings.push_back(anonymous_mapping(zero));
  }
}

struct Elf32 {
  using Ehdr = Elf32_Ehdr;
  using Phdr = Elf32_Phdr;
  using Shdr = Elf32_Shdr;
  using Sym = Elf32_Sym;
  static constexpr unsigned char kClass = ELFCLASS32;
};
struct Elf64 {
  using Ehdr = Elf64_Ehdr;
  using Phdr = Elf64_Phdr;
  using Shdr = Elf64_Shdr;
  using Sym = Elf64_Sym;
  static constexpr unsigned char kClass = ELFCLASS64;
};

/// An image in the making: change any field, then take its bytes().
template <class Elf>
struct MadeImage {
  typename Elf::Ehdr header{};
  std::vector<typename Elf::Phdr> program;
  std::vector<typename Elf::Shdr> sections{typename Elf::Shdr{}};
  std::string names{'\0'};                                    ///< of the sections, at kNamesOffset
  std::vector<std::pair<std::size_t, FileContent>> contents;  ///< by offset in the file
  std::size_t least_size = 0x4000;

  static constexpr std::size_t kNamesOffset = 0x3000;
  static constexpr std::size_t kSectionsOffset = 0x3400;

  MadeImage() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = Elf::kClass;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_DYN;
    header.e_machine = Elf::kClass == ELFCLASS64 ? EM_X86_64 : EM_386;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof(header);
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(typename Elf::Phdr);
    header.e_shoff = kSectionsOffset;
    header.e_shentsize = sizeof(typename Elf::Shdr);
  }

  /// Address, file offset and sizes of a PT_LOAD.
  void load(std::uint64_t vaddr, std::uint64_t offset, std::uint64_t filesz, std::uint64_t memsz,
            std::uint32_t flags, std::uint64_t align = 0x1000) {
    segment(PT_LOAD, vaddr, offset, filesz, memsz, flags, align);
  }
  void segment(std::uint32_t type, std::uint64_t vaddr, std::uint64_t offset, std::uint64_t filesz,
               std::uint64_t memsz, std::uint32_t flags, std::uint64_t align) {
    typename Elf::Phdr entry{};
    entry.p_type = type;
    entry.p_flags = flags;
    entry.p_vaddr = static_cast<decltype(entry.p_vaddr)>(vaddr);
    entry.p_offset = static_cast<decltype(entry.p_offset)>(offset);
    entry.p_filesz = static_cast<decltype(entry.p_filesz)>(filesz);
    entry.p_memsz = static_cast<decltype(entry.p_memsz)>(memsz);
    entry.p_align = static_cast<decltype(entry.p_align)>(align);
    program.push_back(entry);
  }
  typename Elf::Shdr& section(std::string_view name, std::uint32_t type, std::uint64_t address,
                              std::uint64_t offset, std::uint64_t section_size,
                              std::uint64_t flags = SHF_ALLOC) {
    typename Elf::Shdr entry{};
    entry.sh_name = static_cast<std::uint32_t>(names.size());
    names.append(name).push_back('\0');
    entry.sh_type = type;
    entry.sh_flags = static_cast<decltype(entry.sh_flags)>(flags);
    entry.sh_addr = static_cast<decltype(entry.sh_addr)>(address);
    entry.sh_offset = static_cast<decltype(entry.sh_offset)>(offset);
    entry.sh_size = static_cast<decltype(entry.sh_size)>(section_size);
    sections.push_back(entry);
    return sections.back();
  }
  /// Adds the table of names and fills the counts in; afterwards they may be made to lie.
  void finish() {
    section(".shstrtab", SHT_STRTAB, 0, kNamesOffset, 0, 0);
    sections.back().sh_size = static_cast<decltype(sections.back().sh_size)>(names.size());
    header.e_phnum = static_cast<Elf32_Half>(program.size());
    header.e_shnum = static_cast<Elf32_Half>(sections.size());
    header.e_shstrndx = static_cast<Elf32_Half>(sections.size() - 1);
  }
  FileContent bytes() const {
    FileContent all(least_size);
    const auto put = [&](std::size_t offset, const void* from, std::size_t count) {
      if (all.size() < offset + count) all.resize(offset + count);
      if (count != 0) std::memcpy(all.data() + offset, from, count);
    };
    put(0, &header, sizeof(header));
    put(sizeof(header), program.data(), program.size() * sizeof(program[0]));
    put(kNamesOffset, names.data(), names.size());
    put(kSectionsOffset, sections.data(), sections.size() * sizeof(sections[0]));
    for (const auto& [offset, content] : contents) put(offset, content.data(), content.size());
    return all;
  }
};

}  // namespace strata
