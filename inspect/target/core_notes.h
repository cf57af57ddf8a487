// inspect/target/core_notes.h - what the notes of a core say, taken apart and not yet believed.
// Source  core(5); Linux fs/binfmt_elf.c, include/linux/elfcore.h; <sys/procfs.h>.
// Errors  A note that contradicts itself leaves its field empty and a sentence in `problems`;
//         reading fails only where the file itself cannot be read.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "inspect/target/core.h"
#include "inspect/target/elf_image.h"

namespace strata {

/// Sentences about one input, of which a hostile one cannot make an endless list.
class Problems {
 public:
  void add(std::string sentence);
  std::vector<std::string> take();

 private:
  std::vector<std::string> sentences_;
  std::size_t left_out_ = 0;
};

/// One entry of NT_FILE.
struct CoreFile {
  Range range;
  Bytes offset;
  std::string path;  ///< raw
  bool deleted = false;
};

/// The kernel's names are no longer (TASK_COMM_LEN, less one); gdb writes one byte more.
inline constexpr std::size_t kLongestName = 15;

struct CoreProcess {
  pid_t pid = 0;
  std::string name;  ///< by the kernel the leader's comm; by gdb the base name of argv[0]
  std::string command_line;
  bool command_line_cut = false;  ///< it fills its field, so there may have been more
};

struct CoreNotes {
  std::optional<CoreProcess> process;
  std::vector<Thread> threads;  ///< by tid
  std::vector<AuxiliaryEntry> auxiliary_vector;
  std::vector<CoreFile> files;  ///< by address, disjoint
  std::optional<CoreSignal> signal;
  bool by_gdb = false;  ///< there is a note of gdb's own (NT_GDB_TDESC, gdb 12 and later)
};

Result<CoreNotes> read_core_notes(const ImageBytes& core, std::span<const Elf64_Phdr> segments,
                                  Problems& problems);

/// The value of an AT_* entry.
std::optional<std::uint64_t> find_auxiliary(const std::vector<AuxiliaryEntry>& vector,
                                            std::uint64_t type);

}  // namespace strata
