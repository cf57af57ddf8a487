// inspect/space/elf_source.h - the bytes of an ELF image, from its file or the target's memory.
// Each part is read once, by pread, and never mapped: a file that is cut short
// while it is mapped would end us with SIGBUS.
// Units   Offsets count from the ELF header.
// Errors  kCorrupt where the image ends before what was asked for.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/units.h"
#include "inspect/page/present_memory.h"
#include "inspect/target/target.h"

namespace strata {

class ElfSource {
 public:
  /// The regular file that `mapping` maps; kUnsupported where it is a device, a pipe or the like.
  static Result<ElfSource> open_mapped(const Target& target, const Mapping& mapping);
  /// A file that was opened by its path; kUnsupported as above.
  static Result<ElfSource> of_file(File file);
  /// An image that lies in the target's memory from its header on; of what is not resident the
  /// bytes are not to be had. `memory` must live on.
  static Result<ElfSource> in_memory(const PresentMemory& memory, Range image);

  Bytes size() const { return size_; }
  /// Fills `into`, or fails; `what` names the bytes in the message ("the section headers").
  Result<void> read(Bytes offset, std::span<std::byte> into, std::string_view what) const;

 private:
  struct Memory {
    const PresentMemory* present;
    Address start;
  };
  static Result<ElfSource> with_head(ElfSource source);
  Result<Bytes> read_past_head(Bytes offset, std::span<std::byte> into) const;

  ElfSource(std::variant<File, Memory> bytes, Bytes size) : bytes_(std::move(bytes)), size_(size) {}

  std::variant<File, Memory> bytes_;
  Bytes size_;
  // The first page: header, program headers and notes of nearly every module in one call.
  std::vector<std::byte> head_;
};

}  // namespace strata
