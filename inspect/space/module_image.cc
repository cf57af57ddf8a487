#include "inspect/space/module_image.h"

#include <utility>

#include "inspect/space/placement.h"

namespace strata {
namespace {

Result<void> read_sections(const ElfSource& source, std::uint64_t& parts, ModuleImage& image) {
  if (parts >= kMostModuleParts) {
    return fail(Cause::kLimit, "Strata reads at most {} sections and segments of one process",
                kMostModuleParts);
  }
  auto sections = read_section_headers(source, image.headers.file);
  if (!sections) return pass(sections);
  parts += sections->size();
  if (sections->empty()) {
    return fail(Cause::kNotFound, "the file was stripped of its section headers");
  }
  auto names = read_section_names(source, image.headers.file, *sections);
  if (!names) return pass(names);
  for (std::size_t i = 0; i < sections->size(); ++i) {
    const GElf_Shdr& section = (*sections)[i];
    if ((section.sh_flags & SHF_ALLOC) == 0 || section.sh_size == 0) continue;
    // .tbss has an address like any other, but what lies there is the section after it.
    if ((section.sh_flags & SHF_TLS) != 0 && section.sh_type == SHT_NOBITS) continue;
    image.sections.push_back({section, std::move((*names)[i])});
  }
  return {};
}

}  // namespace

Result<ModuleImage> parse_module_image(const ElfSource& source, std::uint64_t& parts,
                                       std::string sections_unknown) {
  auto headers = read_elf_headers(source);
  if (!headers) return pass(headers);
  ModuleImage image;
  image.headers = std::move(*headers);
  image.loads = loadable_segments(image.headers.program);
  image.build_id = read_build_id(source, image.headers);
  image.sections_unknown = std::move(sections_unknown);
  if (image.sections_unknown.empty()) {
    auto read = read_sections(source, parts, image);
    if (!read) image.sections_unknown = "its sections cannot be read: " + read.error().message;
  }
  return image;
}

}  // namespace strata
