#include "inspect/target/elf_image.h"

#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/reader.h"

namespace strata {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#else
#error "name this machine's EM_ constant"
#endif
/// Names of those that cores come from; any other is told by its number.
std::string name_machine(Elf64_Half machine) {
  switch (machine) {
    case EM_386:
      return "x86 (32-bit)";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "ARM (32-bit)";
    case EM_AARCH64:
      return "aarch64";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "POWER";
    case EM_S390:
      return "s390";
    default:
      return fmt::format("number {} (e_machine)", machine);
  }
}

constexpr unsigned char kByteOrder =
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;

// Larger than any offset is an offset that lseek(2) could not express either.
constexpr std::uint64_t kLargestOffset = std::numeric_limits<std::int64_t>::max();

/// Bytes of an image as libelf's own structs.
template <class T>
Result<std::vector<T>> read_table(const ImageBytes& image, std::uint64_t offset, std::size_t count,
                                  Elf_Type type, std::string_view what, std::string_view field) {
  static const unsigned ready = elf_version(EV_CURRENT);
  std::vector<T> table(count);
  const auto raw = std::as_writable_bytes(std::span(table));
  auto got = image(Bytes{offset}, raw);
  if (!got) return pass(got);
  if (got->value != raw.size()) {
    return fail(Cause::kCorrupt, "{} ends within its {}: {} bytes wanted at offset {}, {} there",
                what, field, raw.size(), offset, got->value);
  }
  Elf_Data from{};
  from.d_buf = table.data();
  from.d_size = raw.size();
  from.d_type = type;
  from.d_version = ready;
  Elf_Data to = from;
  if (elf64_xlatetom(&to, &from, kByteOrder) == nullptr) {
    return fail(Cause::kCorrupt, "{}: {}: {}", what, field, elf_errmsg(-1));
  }
  return table;
}

Result<Elf64_Ehdr> read_header(const ImageBytes& image, std::string_view what) {
  std::byte ident[EI_NIDENT];
  auto got = image(Bytes{}, ident);
  if (!got) return pass(got);
  const auto* id = reinterpret_cast<const unsigned char*>(ident);
  if (got->value < EI_NIDENT || std::memcmp(id, ELFMAG, SELFMAG) != 0) {
    return fail(Cause::kUsage, "{} is not an ELF file", what);
  }
  if (id[EI_CLASS] != ELFCLASS64 || id[EI_DATA] != kByteOrder) {
    return fail(Cause::kUnsupported,
                "{} is of a {}-bit {}-endian program; this strata reads those of 64-bit {} alone",
                what, id[EI_CLASS] == ELFCLASS64 ? 64 : 32,
                id[EI_DATA] == ELFDATA2MSB ? "big" : "little", name_machine(kMachine));
  }
  auto header = read_table<Elf64_Ehdr>(image, 0, 1, ELF_T_EHDR, what, "ELF header");
  if (!header) return pass(header);
  if (header->front().e_machine != kMachine) {
    return fail(Cause::kUnsupported,
                "{} is of another machine, {}; this strata reads those of {} alone", what,
                name_machine(header->front().e_machine), name_machine(kMachine));
  }
  return header->front();
}

/// Counts of 65,535 and more stand in the first section header, which the kernel writes at the
/// very end of a core: the first thing that a full disk cuts off.
Result<std::size_t> count_segments(const ImageBytes& image, const Elf64_Ehdr& header,
                                   std::string_view what, bool& deduced) {
  if (header.e_phnum != PN_XNUM) return header.e_phnum;
  auto counts = read_table<Elf64_Shdr>(image, header.e_shoff, 1, ELF_T_SHDR, what,
                                       "section header that counts program headers");
  if (counts && header.e_shoff != 0) return counts->front().sh_info;
  // The kernel puts the notes right behind the program headers, and their header first.
  auto first =
      read_table<Elf64_Phdr>(image, header.e_phoff, 1, ELF_T_PHDR, what, "program headers");
  if (!first) return pass(first);
  const Elf64_Phdr& notes = first->front();
  if (notes.p_type != PT_NOTE || notes.p_offset <= header.e_phoff ||
      (notes.p_offset - header.e_phoff) % sizeof(Elf64_Phdr) != 0) {
    return fail(Cause::kCorrupt, "{} does not hold the count of its program headers", what);
  }
  deduced = true;
  return (notes.p_offset - header.e_phoff) / sizeof(Elf64_Phdr);
}

}  // namespace

bool starts_like_core(std::span<const std::byte> start) {
  Reader reader(start, "file");
  const auto ident = reader.take_bytes("e_ident", EI_NIDENT);
  if (!ident || std::memcmp(ident->data(), ELFMAG, SELFMAG) != 0) return false;
  const auto type = reader.take<std::uint16_t>("e_type");
  if (!type) return false;
  const bool swapped = static_cast<unsigned char>((*ident)[EI_DATA]) != kByteOrder;
  return (swapped ? __builtin_bswap16(*type) : *type) == ET_CORE;
}

Result<ElfImage> read_elf_image(const ImageBytes& image, std::string_view what,
                                std::size_t most_segments) {
  auto header = read_header(image, what);
  if (!header) return pass(header);
  ElfImage headers;
  headers.header = *header;
  auto count = count_segments(image, *header, what, headers.count_deduced);
  if (!count) return pass(count);
  if (*count == 0) return headers;
  if (header->e_phentsize != sizeof(Elf64_Phdr)) {
    return fail(Cause::kCorrupt, "{} says that its program headers are {} bytes, not {}", what,
                header->e_phentsize, sizeof(Elf64_Phdr));
  }
  if (header->e_phoff > kLargestOffset - *count * sizeof(Elf64_Phdr)) {
    return fail(Cause::kCorrupt, "{} says that its program headers are at offset {:#x}", what,
                header->e_phoff);
  }
  // Asked of the image before memory is set aside for a count that may be a lie.
  std::byte last;
  auto there = image(Bytes{header->e_phoff + *count * sizeof(Elf64_Phdr) - 1}, {&last, 1});
  if (!there) return pass(there);
  if (there->value == 0) {
    return fail(Cause::kCorrupt, "{} ends within its {} program headers at offset {}", what, *count,
                header->e_phoff);
  }
  if (*count > most_segments) {
    return fail(Cause::kLimit, "{} says that it has {} program headers; Strata reads at most {}",
                what, *count, most_segments);
  }
  auto segments =
      read_table<Elf64_Phdr>(image, header->e_phoff, *count, ELF_T_PHDR, what, "program headers");
  if (!segments) return pass(segments);
  headers.segments = std::move(*segments);
  return headers;
}

}  // namespace strata
