#include "inspect/space/module.h"

#include <fmt/format.h>
#include <sys/auxv.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "inspect/space/elf_source.h"
#include "inspect/space/module_image.h"
#include "inspect/space/placement.h"
#include "inspect/space/shelf.h"

namespace strata {
namespace {

constexpr Bytes kMostVdso = 1_MiB;

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
  ModuleReader(const PresentMemory& memory, const std::vector<Mapping>& mappings, Shelf& shelf)
      : memory_(memory),
        mappings_(mappings),
        shelf_(shelf),
        auxiliary_(read_auxiliary(memory.target())) {}

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
    std::shared_ptr<ShelvedFile> file;
    Address done;  // what lies below belongs to a module already
    for (const Mapping* header : group) {
      if (header->offset.value != 0 || header->range.start < done) continue;
      if (!could_be_module(*header, *group.back())) continue;
      if (!file) file = shelf_.find(memory_, *header);
      if (file->image()) {
        if (!place(*file->image(), *header)) continue;
        modules_.back().file = file;
      } else if (file->is_had()) {
        continue;
      } else {
        // Without the file each copy is known by its own headers in memory.
        const auto image = read_from_memory(*header, file->image().error());
        if (!image || !place(*image, *header)) continue;
      }
      done = modules_.back().range.end;
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
    auto image = parse_module_image(*source, parts_);
    if (!image || !place(*image, mapping)) return;
    modules_.back().name = "[vdso]";  // a core need not have its label
  }

  Result<ModuleImage> read_from_memory(const Mapping& header, const Error& why) {
    auto memory = ElfSource::in_memory(memory_, header.range);
    if (!memory) return pass(memory);
    return parse_module_image(*memory, parts_, "its file cannot be had: " + why.message);
  }

  /// Adds the module if the image is loaded with its header at `header`.
  bool place(const ModuleImage& image, const Mapping& header) {
    const auto bias = find_load_bias(image.loads, header.range.start);
    if (!bias || parts_ >= kMostModuleParts) return false;
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

  void place_sections(const ModuleImage& image, Module& module) {
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

  static void place_others(const ModuleImage& image, Module& module) {
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
  Shelf& shelf_;
  const Auxiliary auxiliary_;
  std::uint64_t parts_ = 0;
  std::vector<Module> modules_;
};

}  // namespace

std::vector<Module> read_modules(const PresentMemory& memory, const std::vector<Mapping>& mappings,
                                 Shelf& shelf) {
  return ModuleReader(memory, mappings, shelf).read();
}

std::vector<Module> read_modules(const PresentMemory& memory,
                                 const std::vector<Mapping>& mappings) {
  Shelf shelf;
  return read_modules(memory, mappings, shelf);
}

}  // namespace strata
