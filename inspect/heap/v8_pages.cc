#include "inspect/heap/v8_pages.h"

#include <algorithm>
#include <array>
#include <map>

#include "inspect/heap/v8_layout.h"

namespace strata {
namespace {

// Addresses looked at in vain before the search is given up: 16 GiB of other memory.
constexpr std::size_t kMostMisses = 65'536;
// Each of V8's pages was mapped by itself, so among this many mappings one begins with a page.
constexpr std::size_t kMostFirstLooks = 4096;
constexpr std::size_t kFewestInCage = 3;

using Words = std::array<std::uint64_t, kV8RecordWords>;

bool is_executable_at(const Space& space, Address at) {
  const Mapping* const mapping = space.find_mapping(at);
  return mapping != nullptr && mapping->executable;
}

bool is_writable_at(const Space& space, Address at) {
  const Mapping* const mapping = space.find_mapping(at);
  return mapping != nullptr && mapping->writable;
}

/// Whether what the record says of itself can be so at all. Reads nothing.
bool record_is_plausible(const V8Layout& layout, const Words& record, Address at) {
  const std::uint64_t size = record[layout.size];
  if (size < 4096 || size > kV8LargestPage.value || size % 4096 != 0) return false;
  const Range range = range_of(at, Bytes{size});
  const Address area{record[layout.area_start]};
  if (area <= at || area > at + kV8LargestHeader) return false;
  const std::uint64_t area_end = record[layout.area_end];
  if (area_end < area.value || area_end > range.end.value) return false;
  return record[layout.allocated] <= size && record[layout.high_water] <= size;
}

bool reservation_closes(const V8Layout& layout, const Words& record, Address at) {
  return record[layout.reservation] == at.value &&
         record[layout.reservation + 1] >= record[layout.size];
}

/// A read-only page is detached from heap and space. Its record ends where it does, or it begins
/// with the map that is its own map.
bool is_read_only(const Space& space, Peek& peek, const V8Layout& layout, const Words& record,
                  Address at) {
  if (record[layout.heap] != 0 || record[layout.owner] != 0) return false;
  if (is_writable_at(space, at)) return false;
  if (layout.self || layout.apart) {
    return record[layout.area_end] == at.value + record[layout.size] &&
           record[layout.allocated] != 0;
  }
  const std::uint64_t area = record[layout.area_start];
  return peek.word(Address{area}) == area + 1;
}

/// Whether the page's space exists and names the same heap as the page.
bool owner_closes(Peek& peek, const V8Layout& layout, const Words& record) {
  const std::uint64_t heap = record[layout.heap];
  const std::uint64_t owner = record[layout.owner];
  if (heap == 0 || owner == 0 || owner % 8 != 0) return false;
  return peek.word(Address{owner} + kV8SpaceHeapOffset) == heap;
}

std::optional<V8Page> page_by(const Space& space, Peek& peek, const V8Layout& layout,
                              const Words& header, Address at) {
  if (header[layout.apart ? 0 : layout.flags] >= kV8FlagsEnd) return std::nullopt;
  if (layout.self && header[1] != at.value) return std::nullopt;
  Words record = header;
  if (layout.apart) {
    const Address place{header[1]};
    if (place.value < 4096 || place.value % 8 != 0 || place.value >> 47 != 0) return std::nullopt;
    const auto found = peek.value<Words>(place);
    if (!found) return std::nullopt;
    record = *found;
  }
  if (!record_is_plausible(layout, record, at)) return std::nullopt;
  V8Page page{range_of(at, Bytes{record[layout.size]}), V8PageKind::kOld,
              header[layout.apart ? 0 : layout.flags], record[layout.heap], std::nullopt};
  if (!is_anonymous(space, page.range)) return std::nullopt;
  if (is_read_only(space, peek, layout, record, at)) {
    page.kind = V8PageKind::kReadOnly;
    return page;
  }
  if (!owner_closes(peek, layout, record)) return std::nullopt;
  if (!reservation_closes(layout, record, at)) return std::nullopt;
  if (is_executable_at(space, Address{record[layout.area_start]})) {
    page.kind = V8PageKind::kCode;
  } else if ((page.flags & (kV8FromPage | kV8ToPage)) != 0) {
    page.kind = V8PageKind::kYoung;
  }
  return page;
}

/// Where the executable memory around `at` begins: a code range lies in one piece.
Address start_of_code(const Space& space, Address at) {
  const Mapping* mapping = space.find_mapping(at);
  Address start = mapping->range.start;
  while ((mapping = space.find_mapping(start - 1_B)) != nullptr && mapping->executable &&
         !mapping->has_file() && at - mapping->range.start <= kV8CodeRange) {
    start = mapping->range.start;
  }
  return start;
}

/// A page whose header holds its own number. One unit: how far it goes is not in the header.
std::optional<V8Page> page_by_number(const Space& space, const Words& header, Address at) {
  const std::uint64_t number = header[1];
  if (header[0] >= kV8FlagsEnd || number >= 2 * kV8CodeNumber) return std::nullopt;
  const bool writable = is_writable_at(space, at);
  const bool executable = is_executable_at(space, at);
  if (header[0] == 0 && writable) return std::nullopt;  // zeros are everywhere
  V8Page page{range_of(at, kV8PageUnit), V8PageKind::kOld, header[0], 0, number};
  const std::uint64_t place = (at - round_down(at, kV8Cage)) / kV8PageUnit;
  if (executable) {
    if (number != kV8CodeNumber + (at - start_of_code(space, at)) / kV8PageUnit) {
      return std::nullopt;
    }
    page.kind = V8PageKind::kCode;
  } else if (number == kV8TrustedNumber + place) {
    page.kind = V8PageKind::kTrusted;
  } else if (number == place && number != 0) {
    const bool young = (page.flags & (kV8FromPage | kV8ToPage)) != 0;
    page.kind = !writable ? V8PageKind::kReadOnly : young ? V8PageKind::kYoung : V8PageKind::kOld;
  } else {
    return std::nullopt;
  }
  return is_anonymous(space, range_of(at, 4_KiB)) ? std::optional(page) : std::nullopt;
}

std::optional<V8Page> read_page(const Space& space, Peek& peek, Address at) {
  Words header;
  if (!peek.read(at, std::as_writable_bytes(std::span(header)))) return std::nullopt;
  for (const V8Layout& layout : kV8Layouts) {
    if (auto page = page_by(space, peek, layout, header, at)) return page;
  }
  return page_by_number(space, header, at);
}

bool may_hold_pages(const Mapping& mapping) {
  const bool is_unlabelled = mapping.name.empty() || mapping.name.starts_with("[anon:");
  // What is larger than any page (a sanitizer's shadow) is not looked through.
  return !mapping.has_file() && !mapping.shared && mapping.readable && is_unlabelled &&
         mapping.range.size() <= kV8LargestPage;
}

bool begins_somewhere(const Space& space, Peek& peek) {
  std::size_t looks = 0;
  for (const Mapping& mapping : space.mappings) {
    if (!may_hold_pages(mapping) || mapping.range.start.value % kV8PageUnit.value != 0) continue;
    if (++looks > kMostFirstLooks) return false;
    if (read_page(space, peek, mapping.range.start)) return true;
  }
  return false;
}

/// A number may be right by chance, but not several in one cage.
void drop_chance_numbers(std::vector<V8Page>& pages) {
  std::map<Address, std::size_t> cages;
  for (const V8Page& page : pages) {
    const bool in_cage = page.number && *page.number < kV8TrustedNumber;
    if (in_cage) ++cages[round_down(page.range.start, kV8Cage)];
  }
  const bool sure = std::any_of(cages.begin(), cages.end(),
                                [](const auto& cage) { return cage.second >= kFewestInCage; });
  std::erase_if(pages, [&](const V8Page& page) {
    if (!page.number) return false;
    if (*page.number >= kV8TrustedNumber) return !sure;
    return cages[round_down(page.range.start, kV8Cage)] < kFewestInCage;
  });
}

/// In a cage a page ends where the next begins, or where its mapping does. Only a large one has
/// units without a header behind its first.
void extend_in_cage(const Space& space, std::vector<V8Page>& pages) {
  for (std::size_t i = 0; i < pages.size(); ++i) {
    V8Page& page = pages[i];
    if (!page.number || page.kind == V8PageKind::kReadOnly || page.kind == V8PageKind::kCode) {
      continue;
    }
    Address limit = round_down(page.range.start, kV8Cage) + kV8Cage;
    if (i + 1 < pages.size()) limit = std::min(limit, pages[i + 1].range.start);
    // A large page was mapped in one piece; behind it may lie what is kept for later.
    const Address least = std::min(limit, page.range.end);
    Address end = page.range.start;
    while (end < least) {
      const Mapping* const mapping = space.find_mapping(end);
      if (mapping == nullptr || !mapping->writable || mapping->has_file()) break;
      end = std::min(limit, mapping->range.end);
    }
    page.range.end = end;
  }
}

bool is_long(const V8Page& page) { return page.range.size() > kV8PageUnit; }

/// The flag that all pages of more than one unit have and the fewest of one unit: it marks large
/// pages, also those that are short.
std::uint64_t find_large_mark(const std::vector<V8Page>& pages) {
  std::uint64_t mark = 0;
  std::size_t fewest = pages.size();
  for (const std::uint64_t bit : kV8LargeMarks) {
    std::size_t regular = 0;
    bool all = true;
    for (const V8Page& page : pages) {
      if (page.kind == V8PageKind::kReadOnly || page.kind == V8PageKind::kCode) continue;
      if (is_long(page)) {
        all = all && (page.flags & bit) != 0;
      } else if ((page.flags & bit) != 0) {
        ++regular;
      }
    }
    if (all && regular < fewest) {
      mark = bit;
      fewest = regular;
    }
  }
  return mark;
}

void tell_large_ones(std::vector<V8Page>& pages) {
  if (std::none_of(pages.begin(), pages.end(), is_long)) return;
  const std::uint64_t mark = find_large_mark(pages);
  for (V8Page& page : pages) {
    if (page.kind != V8PageKind::kOld && page.kind != V8PageKind::kYoung) continue;
    if (is_long(page) || (page.flags & mark) != 0) page.kind = V8PageKind::kLarge;
  }
}

}  // namespace

V8Pages find_v8_pages(const Space& space, Peek& peek) {
  V8Pages found;
  if (!begins_somewhere(space, peek)) return found;
  std::size_t misses = 0;
  Address next;
  for (const Mapping& mapping : space.mappings) {
    if (!may_hold_pages(mapping)) continue;
    Address at = std::max(next, round_up(mapping.range.start, kV8PageUnit));
    while (at < mapping.range.end) {
      if (space.find_module(at) != nullptr) break;
      if (misses >= kMostMisses || found.pages.size() >= kMostV8Pages || peek.exhausted()) {
        found.gave_up = true;
        break;
      }
      Bytes step = kV8PageUnit;
      if (auto page = read_page(space, peek, at)) {
        step = round_up(page->range.size(), kV8PageUnit);
        found.pages.push_back(*page);
      } else {
        ++misses;
      }
      at = at + step;
      next = at;
    }
    if (found.gave_up) break;
  }
  drop_chance_numbers(found.pages);
  extend_in_cage(space, found.pages);
  tell_large_ones(found.pages);
  return found;
}

}  // namespace strata
