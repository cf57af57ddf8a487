// inspect/target/elf_image.h - the headers, notes and build-id of an ELF image that may lie.
// The image is whatever can be read by offset: a file, or the first pages of one in a core.
//
// libelf translates every header (elf64_xlatetom), but elf_begin() is not used on such a file: it
// makes and touches a descriptor for each section that the header claims, 3.3 GB for a sparse file
// of 1 GiB with 2^24 of them (elfutils 0.188), and a core's sections say nothing we want.
//
// Source  elf(5); PN_XNUM as in Linux fs/binfmt_elf.c.
// Errors  kUsage: not ELF; kUnsupported: another machine's; kCorrupt; kLimit. `what` names the
// image
//         in messages.
// Threads Safe at once on different images.
#pragma once

#include <elf.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace strata {

/// Copies bytes at an offset of an image; fewer than asked where the image ends.
using ImageBytes = std::function<Result<Bytes>(Bytes offset, std::span<std::byte> into)>;

struct ElfImage {
  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  /// The count of program headers stood in a part that is cut off, so it was taken from where the
  /// notes begin behind them.
  bool count_deduced = false;
};

/// Whether `start`, the first bytes of a file, is an ELF core, of whatever machine.
bool starts_like_core(std::span<const std::byte> start);

/// Reads the headers; more than `most_segments` program headers are kLimit.
Result<ElfImage> read_elf_image(const ImageBytes& image, std::string_view what,
                                std::size_t most_segments);

struct ElfNote {
  std::uint32_t type = 0;
  std::string_view owner;  ///< "CORE", "GNU"; valid during the visit
  Bytes offset;            ///< of its contents in the image
  Bytes size;
};

/// Visits the notes of one PT_NOTE until `visit` fails or returns false. `budget` is how many may
/// be visited yet, shared by all segments of an image; using it up is kLimit.
Result<void> visit_notes(const ImageBytes& image, const Elf64_Phdr& segment, std::string_view what,
                         std::size_t& budget,
                         const std::function<Result<bool>(const ElfNote&)>& visit);

/// The contents of a note, kLimit where they are larger than `most`.
Result<std::vector<std::byte>> read_note(const ImageBytes& image, const ElfNote& note,
                                         std::string_view what, Bytes most);

/// The build-id as raw bytes; absent where the image has none or the part that holds it is missing.
std::optional<std::string> find_build_id(const ImageBytes& image, const ElfImage& headers);

}  // namespace strata
