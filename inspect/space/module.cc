#include "inspect/space/module.h"

#include <fmt/format.h>
#include <sys/auxv.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "inspect/space/elf_headers.h"
#include "inspect/space/elf_source.h"
#include "inspect/space/placement.h"

namespace strata {
namespace {

// In one process, whatever its files claim: 8,000 modules with 32 sections or segments each.
constexpr std::uint64_t kMostParts = 262'144;
constexpr Bytes kMostVdso = 1_MiB;

struct NamedSection {
  GElf_Shdr header;
  std::string name;
};

/// What one file says, wherever it is loaded.
struct Image {
  ElfHeaders headers;
  std::vector<GElf_Phdr> loads;
  std::vector<NamedSection> sections;  ///< those that take memory
  std::string sections_unknown;
  std::string build_id;
};

/// What the auxiliary vector says; zero where it does not.
struct Auxiliary {
  Address program_headers;
  Address entry;
  Address vdso;
};

Auxiliary read_auxiliary(const Target& target) {
  Auxiliary found;
  const auto entries = target.read_auxiliary_vector();
  if (!entries) return found;
  for (const AuxiliaryEntry& entry : *entries) {
    if (entry.type == AT_PHDR) found.program_headers = Address{entry.value};
    if (entry.type == AT_ENTRY) found.entry = Address{entry.value};
    if (entry.type == AT_SYSINFO_EHDR) found.vdso = Address{entry.value};
  }
  return found;
}

bool holds_any(Range range, const Auxiliary& auxiliary) {
  return range.contains(auxiliary.program_headers) || range.contains(auxiliary.entry);
}

class ModuleReader {
 public:
  ModuleReader(const PresentMemory& memory, const std::vector<Mapping>& mappings)
      : memory_(memory), mappings_(mappings), auxiliary_(read_auxiliary(memory.target())) {}

  std::vector<Module> read() {
    for (const std::vector<const Mapping*>& group : group_by_file()) read_group(group);
    for (const Mapping& mapping : mappings_) {
      if (!mapping.has_file() && is_vdso(mapping)) read_vdso(mapping);
    }
    std::sort(modules_.begin(), modules_.end(),
              [](const Module& a, const Module& b) { return a.range < b.range; });
    return std::move(modules_);
  }

 private:
  using Group = std::vector<const Mapping*>;

  bool is_vdso(const Mapping& mapping) const {
    return mapping.is_labelled("[vdso]") || (mapping.name.empty() && auxiliary_.vdso.value != 0 &&
                                             mapping.range.start == auxiliary_.vdso);
  }

  /// The mappings of each file that could hold modules; files in order of their first mapping.
  std::vector<Group> group_by_file() const {
    using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t, std::string_view>;
    std::map<Key, std::size_t> index;
    std::vector<Group> groups;
    for (const Mapping& mapping : mappings_) {
      if (!mapping.has_file() && !mapping.name.starts_with('/')) continue;
      // A device is changed by being opened; no loader maps one.
      if (mapping.name.starts_with("/dev/") && !mapping.name.starts_with("/dev/shm/")) continue;
      const Key key{mapping.device_major, mapping.device_minor, mapping.inode, mapping.name};
      const auto [place, is_new] = index.try_emplace(key, groups.size());
      if (is_new) groups.emplace_back();
      groups[place->second].push_back(&mapping);
    }
    return groups;
  }

  void read_group(const Group& group) {
    std::optional<Result<ElfSource>> file;
    std::optional<Result<Image>> image;
    Address done;  // what lies below belongs to a module already
    for (const Mapping* header : group) {
      if (header->offset.value != 0 || header->range.start < done) continue;
      if (!could_be_module(*header, *group.back())) continue;
      if (!file) {
        file = ElfSource::open_mapped(memory_.target(), *header);
        if (*file) image = parse(**file);
      }
      // Without the file each copy is known by its own headers in memory.
      if (!*file) image = read_from_memory(*header, file->error());
      if (*image && place(**image, *header)) done = modules_.back().range.end;
    }
  }

  /// A sieve before any file is opened: a database or archive that is mapped whole stops here.
  bool could_be_module(const Mapping& header, const Mapping& last_of_file) const {
    if (holds_any(header.range, auxiliary_)) return true;
    return !header.shared && (header.executable || last_of_file.range.start > header.range.start);
  }

  void read_vdso(const Mapping& mapping) {
    if (mapping.range.size() > kMostVdso) return;
    auto source = ElfSource::in_memory(memory_, mapping.range);
    if (!source) return;
    auto image = parse(*source);
    if (!image || !place(*image, mapping)) return;
    modules_.back().name = "[vdso]";  // a core need not have its label
  }

  Result<Image> read_from_memory(const Mapping& header, const Error& why) {
    auto memory = ElfSource::in_memory(memory_, header.range);
    if (!memory) return pass(memory);
    return parse(*memory, "its file cannot be had: " + why.message);
  }

  /// `sections_unknown` where it is known beforehand that the source holds no section headers.
  Result<Image> parse(const ElfSource& source, std::string sections_unknown = {}) {
    auto headers = read_elf_headers(source);
    if (!headers) return pass(headers);
    Image image;
    image.headers = std::move(*headers);
    image.loads = loadable_segments(image.headers.program);
    image.build_id = read_build_id(source, image.headers);
    image.sections_unknown = std::move(sections_unknown);
    if (image.sections_unknown.empty()) {
      auto read = read_sections(source, image);
      if (!read) image.sections_unknown = "its sections cannot be read: " + read.error().message;
    }
    return image;
  }

  Result<void> read_sections(const ElfSource& source, Image& image) {
    if (parts_ >= kMostParts) {
      return fail(Cause::kLimit, "Strata reads at most {} sections and segments of one process",
                  kMostParts);
    }
    auto sections = read_section_headers(source, image.headers.file);
    if (!sections) return pass(sections);
    parts_ += sections->size();
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

  /// Adds the module if the image is loaded with its header at `header`.
  bool place(const Image& image, const Mapping& header) {
    const auto bias = find_load_bias(image.loads, header.range.start);
    if (!bias || parts_ >= kMostParts) return false;
    if (header.has_file() && !holds_any(header.range, auxiliary_) &&
        !is_loaded(image.loads, *bias, header, mappings_)) {
      return false;
    }
    Placement placement = place_segments(image.loads, *bias, header, mappings_);
    if (placement.segments.empty()) return false;
    parts_ += placement.segments.size();

    Module module;
    module.path = header.name;
    module.name = header.name.substr(header.name.rfind('/') + 1);
    module.range = placement.range;
    module.load_bias = *bias;
    module.is_executable = holds_any(placement.range, auxiliary_);
    module.deleted = header.deleted;
    module.segments = std::move(placement.segments);
    module.build_id = image.build_id;
    module.sections_unknown = image.sections_unknown;
    module.first_mapping = header;
    place_sections(image, module);
    place_others(image, module);
    modules_.push_back(std::move(module));
    return true;
  }

  void place_sections(const Image& image, Module& module) {
    if (!image.sections_unknown.empty()) return;
    std::vector<Section> sections;
    for (const auto& [header, name] : image.sections) {
      const Address start{module.load_bias.value + header.sh_addr};
      sections.push_back({range_of(start, Bytes{header.sh_size}), name});
    }
    std::stable_sort(sections.begin(), sections.end(), [](const Section& a, const Section& b) {
      return a.range.start < b.range.start;
    });
    auto segment = module.segments.begin();
    Address done;  // of sections that overlap, the first keeps the bytes
    for (Section& section : sections) {
      section.range.start = std::max(section.range.start, done);
      while (segment != module.segments.end() && segment->range.end <= section.range.start) {
        ++segment;
      }
      if (segment == module.segments.end()) break;
      section.range = intersection(section.range, segment->range);
      if (section.range.empty()) continue;
      done = section.range.end;
      module.sections.push_back(std::move(section));
    }
    parts_ += module.sections.size();
    if (module.sections.empty()) {
      module.sections_unknown =
          fmt::format("none of its {} sections lies in a mapped segment", image.sections.size());
    }
  }

  static void place_others(const Image& image, Module& module) {
    for (const GElf_Phdr& part : image.headers.program) {
      if (part.p_type == PT_TLS && module.tls_size.value == 0) {
        module.tls_size = Bytes{part.p_memsz};
        module.tls_alignment = Bytes{part.p_align};
      }
      if (part.p_type == PT_GNU_RELRO && !module.relro) {
        const Address start{module.load_bias.value + part.p_vaddr};
        for (const Segment& segment : module.segments) {
          if (!segment.range.contains(start)) continue;
          module.relro = intersection(range_of(start, Bytes{part.p_memsz}), segment.range);
        }
      }
    }
  }

  const PresentMemory& memory_;
  const std::vector<Mapping>& mappings_;
  const Auxiliary auxiliary_;
  std::uint64_t parts_ = 0;
  std::vector<Module> modules_;
};

}  // namespace

std::vector<Module> read_modules(const PresentMemory& memory,
                                 const std::vector<Mapping>& mappings) {
  return ModuleReader(memory, mappings).read();
}

}  // namespace strata
