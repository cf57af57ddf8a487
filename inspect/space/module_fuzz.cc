// Any file that a process has loaded: read_modules() and the symbols of what it found. The input is
// the file; the first byte of its padding (EI_PAD, which nobody reads) says how it is mapped.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "inspect/space/image_fake.h"
#include "inspect/space/module.h"

namespace strata {
namespace {

constexpr std::uint8_t kFileGone = 1;
constexpr std::uint8_t kVdso = 2;
constexpr std::uint8_t kBelowItsAddress = 4;
constexpr std::uint8_t kSparse = 8;

template <class Elf>
std::vector<typename Elf::Phdr> program_of(const FileContent& image) {
  typename Elf::Ehdr header;
  if (image.size() < sizeof(header)) return {};
  std::memcpy(&header, image.data(), sizeof(header));
  std::vector<typename Elf::Phdr> program(std::min<std::size_t>(header.e_phnum, 64));
  const std::size_t size = program.size() * sizeof(typename Elf::Phdr);
  if (header.e_phoff > image.size() || image.size() - header.e_phoff < size) return {};
  if (size != 0) std::memcpy(program.data(), image.data() + header.e_phoff, size);
  return program;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Module& module) {
  Address done = module.range.start;
  for (const Section& section : module.sections) {
    require(!section.range.empty() && section.range.start >= done);
    done = section.range.end;
    bool is_inside = false;
    for (const Segment& s : module.segments) is_inside |= s.range.contains(section.range);
    require(is_inside);
  }
  for (const Segment& segment : module.segments) require(module.range.contains(segment.range));
  require(module.sections.empty() != module.sections_unknown.empty());
  require(!module.relro || module.range.contains(*module.relro));
}

void run(FakeTarget& target) {
  for (const Module& module : read_modules(PresentMemory(target, nullptr), target.mappings)) {
    check(module);
    const auto found = find_symbols(PresentMemory(target, nullptr), module,
                                    {"malloc", "a", "main_arena", "malloc"});
    if (found) {
      for (const Symbol& symbol : *found) require(module.range.contains(symbol.range.start));
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(module.segments.size(), 2); ++i) {
      const Segment& segment = module.segments[i];
      const auto symbol =
          find_symbol_at(PresentMemory(target, nullptr), module, segment.range.start + Bytes{64});
      if (symbol && *symbol) require(module.range.contains((*symbol)->symbol.range.start));
    }
  }
}

}  // namespace
}  // namespace strata

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace strata;
  if (size < EI_NIDENT) return 0;
  FakeTarget target;
  const auto* first = reinterpret_cast<const std::byte*>(bytes);
  target.image.assign(first, first + size);
  const std::uint8_t way = bytes[EI_PAD];
  const Address bias{way & kBelowItsAddress ? 0 - std::uint64_t{0x1000} : 0x7f0000000000};
  target.is_file_gone = (way & kFileGone) != 0;
  if (way & kSparse) target.file_size = 8_MiB;  // larger ones only take longer
  if (bytes[EI_CLASS] == ELFCLASS32) {
    map_segments(target, program_of<Elf32>(target.image), bias);
  } else {
    map_segments(target, program_of<Elf64>(target.image), bias);
  }
  if (way & kVdso) {
    target.mappings.clear();
    target.mappings.push_back(
        anonymous_mapping(range_of(Address{0x7ffff7fc0000}, round_up(Bytes{size}, page_size()))));
    target.mappings.back().name = "[vdso]";
  }
  run(target);
  return 0;
}
