#include "inspect/space/placement.h"

#include <algorithm>
#include <limits>

namespace strata {
namespace {

/// The first mapping that ends above `address`.
const Mapping* first_above(std::span<const Mapping> mappings, Address address) {
  const auto found =
      std::upper_bound(mappings.begin(), mappings.end(), address,
                       [](Address a, const Mapping& mapping) { return a < mapping.range.end; });
  return mappings.data() + (found - mappings.begin());
}

// More of others' mappings than this within one segment, and its headers are not to be believed.
constexpr std::size_t kMostForeign = 64;

Address shifted(Address bias, std::uint64_t vaddr) { return {bias.value + vaddr}; }

/// In the target; empty where the sum leaves the address space.
Range range_in_target(Address bias, std::uint64_t vaddr, std::uint64_t size) {
  const Address start = shifted(bias, vaddr);
  if (size > std::numeric_limits<std::uint64_t>::max() - start.value) return {};
  return range_of(start, Bytes{size});
}

/// Whether `mapping` has at `at` the page of the file that the segment has there.
bool shows_segment(const Mapping& mapping, Address at, const GElf_Phdr& load, Address bias) {
  const std::uint64_t in_file = mapping.offset.value + (at.value - mapping.range.start.value);
  return in_file == load.p_offset + (at.value - shifted(bias, load.p_vaddr).value);
}

/// Anonymous memory as .bss lies in, and as text has that was moved to huge pages. [heap] counts:
/// without randomisation the heap directly follows .bss and the kernel makes one mapping of them.
bool can_replace_segment(const Mapping& mapping) {
  if (mapping.has_file()) return false;
  return mapping.name.empty() || mapping.name == "[heap]" || mapping.name.starts_with("[anon");
}

}  // namespace

bool is_same_file(const Mapping& a, const Mapping& b) {
  return a.device_major == b.device_major && a.device_minor == b.device_minor &&
         a.inode == b.inode && a.name == b.name;
}

std::vector<GElf_Phdr> loadable_segments(std::span<const GElf_Phdr> program) {
  const Bytes page = page_size();
  std::vector<GElf_Phdr> loads;
  std::uint64_t lowest = 0;
  for (const GElf_Phdr& segment : program) {
    if (segment.p_type != PT_LOAD || segment.p_memsz == 0) continue;
    if (segment.p_filesz > segment.p_memsz || segment.p_vaddr < lowest) continue;
    if (segment.p_memsz > std::numeric_limits<std::uint64_t>::max() - segment.p_vaddr) continue;
    if (segment.p_filesz != 0 && (segment.p_vaddr - segment.p_offset) % page.value != 0) continue;
    lowest = segment.p_vaddr + segment.p_memsz;
    loads.push_back(segment);
  }
  return loads;
}

std::optional<Address> find_load_bias(std::span<const GElf_Phdr> loads, Address start) {
  for (const GElf_Phdr& load : loads) {
    if (load.p_filesz == 0 || load.p_offset >= page_size().value) continue;
    return Address{start.value - round_down(Address{load.p_vaddr}, page_size()).value};
  }
  return std::nullopt;
}

bool is_loaded(std::span<const GElf_Phdr> loads, Address bias, const Mapping& header,
               std::span<const Mapping> mappings) {
  for (const GElf_Phdr& load : loads) {
    if (load.p_filesz == 0) continue;
    const Address at = shifted(bias, load.p_vaddr);
    const Mapping* const mapping = first_above(mappings, at);
    if (mapping == mappings.data() + mappings.size() || !mapping->range.contains(at)) continue;
    if (!is_same_file(*mapping, header) || !shows_segment(*mapping, at, load, bias)) continue;
    if ((load.p_flags & PF_X) != 0 && mapping->executable) return true;
    // A library without code, as ICU's tables: its segments are at least mapped one by one.
    if (mapping->range.start > header.range.start &&
        mapping->range.start == round_down(at, page_size())) {
      return true;
    }
  }
  return false;
}

Placement place_segments(std::span<const GElf_Phdr> loads, Address bias, const Mapping& header,
                         std::span<const Mapping> mappings) {
  Placement placement;
  placement.range = {header.range.start, header.range.start};
  const Mapping* const end = mappings.data() + mappings.size();
  for (const GElf_Phdr& load : loads) {
    const Range whole = range_in_target(bias, load.p_vaddr, load.p_memsz);
    const Address file_end = round_up(whole.start + Bytes{load.p_filesz}, page_size());
    Segment segment{.range = {},
                    .readable = (load.p_flags & PF_R) != 0,
                    .writable = (load.p_flags & PF_W) != 0,
                    .executable = (load.p_flags & PF_X) != 0};
    // One segment, unless parts of it were unmapped or replaced by something else; .bss has no file
    // to know its parts by, so it ends where it is first broken.
    Address unbroken = file_end;
    std::size_t foreign = 0;
    for (const Mapping* mapping = first_above(mappings, whole.start);
         mapping != end && mapping->range.start < whole.end; ++mapping) {
      const Range shared = intersection(mapping->range, whole);
      const bool in_file_part = shared.start < file_end;
      const bool from_file = in_file_part && is_same_file(*mapping, header) &&
                             shows_segment(*mapping, shared.start, load, bias);
      const bool belongs = from_file || can_replace_segment(*mapping);
      if (!in_file_part && (!belongs || shared.start > unbroken)) break;
      if (!belongs && ++foreign > kMostForeign) break;
      if (!belongs) continue;
      unbroken = std::max(unbroken, shared.end);
      if (!segment.range.empty() && segment.range.end == shared.start) {
        segment.range.end = shared.end;
      } else {
        if (!segment.range.empty()) placement.segments.push_back(segment);
        segment.range = shared;
      }
      const Range pages = intersection(mapping->range, {round_down(shared.start, page_size()),
                                                        round_up(shared.end, page_size())});
      placement.range.start = std::min(placement.range.start, pages.start);
      placement.range.end = std::max(placement.range.end, pages.end);
    }
    if (!segment.range.empty()) placement.segments.push_back(segment);
  }
  std::sort(placement.segments.begin(), placement.segments.end(),
            [](const Segment& a, const Segment& b) { return a.range < b.range; });
  return placement;
}

}  // namespace strata
