// inspect/target/core_writer.h - writes small cores and modules, well-formed or not, for tests.
// What it writes follows Linux fs/binfmt_elf.c: header, program headers, notes, memory; each
// PT_LOAD at a page of the file.
#pragma once

#include <elf.h>
#include <signal.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

#if defined(__x86_64__)
inline constexpr Elf64_Half kOwnMachine = EM_X86_64;
#else
inline constexpr Elf64_Half kOwnMachine = EM_AARCH64;
#endif

template <class T>
std::string raw_bytes(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline void pad_to(std::string& bytes, std::size_t unit) {
  bytes.resize((bytes.size() + unit - 1) / unit * unit);
}

inline std::string note(std::uint32_t type, std::string_view owner, std::string_view contents) {
  const Elf64_Nhdr header{static_cast<Elf64_Word>(owner.size() + 1),
                          static_cast<Elf64_Word>(contents.size()), type};
  std::string bytes = raw_bytes(header);
  bytes.append(owner).push_back('\0');
  pad_to(bytes, 4);
  bytes.append(contents);
  pad_to(bytes, 4);
  return bytes;
}

inline std::string process_note(pid_t pid, std::string_view name, std::string_view arguments) {
  elf_prpsinfo process{};
  process.pr_pid = pid;
  name.copy(process.pr_fname, sizeof process.pr_fname - 1);
  arguments.copy(process.pr_psargs, sizeof process.pr_psargs - 1);
  return note(NT_PRPSINFO, "CORE", raw_bytes(process));
}

inline std::string thread_note(pid_t tid, std::uint64_t sp, std::uint64_t ip, std::uint64_t fs) {
  elf_prstatus thread{};
  thread.pr_pid = tid;
  user_regs_struct registers{};
#if defined(__x86_64__)
  registers.rsp = sp;
  registers.rip = ip;
  registers.fs_base = fs;
#else
  registers.sp = sp;
  registers.pc = ip;
  (void)fs;  // in a note of its own
#endif
  std::memcpy(&thread.pr_reg, &registers, sizeof registers);
  return note(NT_PRSTATUS, "CORE", raw_bytes(thread));
}

/// What a thread had in its vector registers; its thread_note() comes before.
inline std::string vector_note(std::string_view set) {
#if defined(__x86_64__)
  return note(NT_PRFPREG, "CORE", set.substr(0, 512)) + note(NT_X86_XSTATE, "LINUX", set);
#else
  return note(NT_PRFPREG, "CORE", set);
#endif
}

inline std::string signal_note(int number, int code, std::uint64_t address) {
  siginfo_t signal{};
  signal.si_signo = number;
  signal.si_code = code;
  std::memcpy(static_cast<void*>(&signal.si_addr), &address, sizeof signal.si_addr);
  return note(NT_SIGINFO, "CORE", raw_bytes(signal));
}

inline std::string auxiliary_note(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& all) {
  std::string bytes;
  for (const auto& [type, value] : all) bytes += raw_bytes(type) + raw_bytes(value);
  bytes += std::string(16, '\0');
  return note(NT_AUXV, "CORE", bytes);
}

struct NoteFile {
  std::uint64_t start, end, page;
  std::string path;
};

inline std::string file_contents(const std::vector<NoteFile>& files) {
  std::string bytes = raw_bytes(std::uint64_t{files.size()}) + raw_bytes(std::uint64_t{4096});
  for (const NoteFile& f : files) {
    bytes += raw_bytes(f.start) + raw_bytes(f.end) + raw_bytes(f.page);
  }
  for (const NoteFile& f : files) bytes += f.path + '\0';
  return bytes;
}

inline std::string file_note(const std::vector<NoteFile>& files) {
  return note(NT_FILE, "CORE", file_contents(files));
}

struct Load {
  std::uint64_t address = 0;
  std::uint64_t size = 0;   ///< in memory
  std::uint32_t flags = 0;  ///< PF_*
  std::string bytes;        ///< in the file
};

struct CoreText {
  Elf64_Half type = ET_CORE;
  std::string notes;
  std::vector<Load> loads;
  bool count_in_section = false;  ///< as for 65,535 headers and more, at the end of the file

  std::string write() const {
    const std::size_t count = loads.size() + 1;
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = type;
    header.e_machine = kOwnMachine;
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = count_in_section ? PN_XNUM : static_cast<Elf64_Half>(count);
    std::vector<Elf64_Phdr> headers(count);
    std::uint64_t offset = sizeof header + count * sizeof(Elf64_Phdr);
    headers[0].p_type = PT_NOTE;
    headers[0].p_offset = offset;
    headers[0].p_filesz = notes.size();
    headers[0].p_align = 4;
    std::string body = notes;
    const auto pad = [&] {
      while ((offset + body.size()) % 4096 != 0) body.push_back('\0');
    };
    for (std::size_t i = 0; i < loads.size(); ++i) {
      if (!loads[i].bytes.empty()) pad();
      Elf64_Phdr& p = headers[i + 1];
      p.p_type = PT_LOAD;
      p.p_offset = offset + body.size();
      p.p_vaddr = loads[i].address;
      p.p_memsz = loads[i].size;
      p.p_filesz = loads[i].bytes.size();
      p.p_flags = loads[i].flags;
      p.p_align = 4096;
      body += loads[i].bytes;
    }
    if (count_in_section) {
      Elf64_Shdr section{};
      section.sh_info = static_cast<Elf64_Word>(count);
      section.sh_size = 1;
      header.e_shoff = offset + body.size();
      header.e_shentsize = sizeof section;
      header.e_shnum = 1;
      body += raw_bytes(section);
    }
    std::string all = raw_bytes(header);
    for (const Elf64_Phdr& p : headers) all += raw_bytes(p);
    return all + body;
  }
};

/// A module of four pages: headers with a build-id, code, RELRO, writable; each page filled with
/// its letter. An empty build-id leaves the note out.
inline std::string write_module(std::string_view build_id) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_machine = kOwnMachine;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  const auto segment = [](std::uint32_t type, std::uint32_t flags, std::uint64_t offset,
                          std::uint64_t size) {
    Elf64_Phdr p{};
    p.p_type = type;
    p.p_flags = flags;
    p.p_offset = p.p_vaddr = offset;
    p.p_filesz = p.p_memsz = size;
    p.p_align = 4;
    return p;
  };
  std::vector<Elf64_Phdr> segments = {segment(PT_LOAD, PF_R, 0, 0x1000),
                                      segment(PT_LOAD, PF_R | PF_X, 0x1000, 0x1000),
                                      segment(PT_LOAD, PF_R | PF_W, 0x2000, 0x2000)};
  std::string id;
  if (!build_id.empty()) {
    id = note(NT_GNU_BUILD_ID, "GNU", build_id);
    segments.push_back(segment(PT_NOTE, PF_R, 0x800, id.size()));
  }
  header.e_phnum = static_cast<Elf64_Half>(segments.size());
  std::string bytes = raw_bytes(header);
  for (const Elf64_Phdr& p : segments) bytes += raw_bytes(p);
  bytes.resize(0x800, 'h');
  bytes += id;
  bytes.resize(0x1000, 'h');
  bytes.resize(0x2000, 'c');
  bytes.resize(0x3000, 'r');
  bytes.resize(0x4000, 'w');
  return bytes;
}

}  // namespace strata
