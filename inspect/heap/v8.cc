// Recognises V8's pages by their headers, which close over three structures that lie apart: page,
// space and isolate. No symbol is needed and no version is asked for.
#include <algorithm>
#include <map>
#include <set>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/peek.h"
#include "inspect/heap/v8_layout.h"

namespace strata {
namespace {

// Addresses looked at in vain before the search is given up: 16 GiB of other memory.
constexpr std::size_t kMostMisses = 65'536;
// A program that holds V8 under another name is at least this large; the smallest d8 has 20 MiB.
constexpr Bytes kLeastCode = 16_MiB;

enum class PageKind { kYoung, kOld, kLarge, kReadOnly, kCode };

struct Page {
  Range range;
  PageKind kind = PageKind::kOld;
  std::uint64_t heap = 0;
};

bool may_hold_v8(const Module& module) {
  for (const std::string_view start :
       {"node", "libnode", "libv8", "chrom", "electron", "libcef", "deno"}) {
    if (module.name.starts_with(start)) return true;
  }
  if (!module.is_executable) return false;
  return std::any_of(module.segments.begin(), module.segments.end(),
                     [](const Segment& s) { return s.executable && s.range.size() >= kLeastCode; });
}

/// Whether what the header says of itself can be so at all. Reads nothing.
bool header_is_plausible(const V8ChunkHeader& header, Address at) {
  if (header.size < 4096 || header.size > kV8LargestPage.value || header.size % 4096 != 0) {
    return false;
  }
  const Range range = range_of(at, Bytes{header.size});
  const Address area{header.area_start};
  if (header.flags >= kV8FlagsEnd || area <= at || area > at + kV8LargestHeader) return false;
  if (header.area_end < header.area_start || header.area_end > range.end.value) return false;
  return header.allocated_bytes <= header.size && header.high_water_mark <= header.size;
}

/// Whether the page's space exists and names the same heap as the page.
bool owner_closes(Peek& peek, const V8ChunkHeader& header) {
  if (header.heap == 0 || header.owner == 0 || header.owner % 8 != 0) return false;
  return peek.word(Address{header.owner} + kV8SpaceHeapOffset) == header.heap;
}

/// A read-only page is detached from heap and space; it begins with the map that is its own map.
bool begins_with_meta_map(Peek& peek, const V8ChunkHeader& header) {
  return (header.flags & kV8ReadOnlyHeap) != 0 && header.heap == 0 && header.owner == 0 &&
         peek.word(Address{header.area_start}) == header.area_start + 1;
}

std::optional<Page> read_page(const Space& space, Peek& peek, Address at) {
  V8ChunkHeader header;
  if (!peek.read(at, std::as_writable_bytes(std::span(&header, 1)))) return std::nullopt;
  if (!header_is_plausible(header, at)) return std::nullopt;
  Page page{range_of(at, Bytes{header.size}), PageKind::kOld, header.heap};
  if (!is_anonymous(space, page.range)) return std::nullopt;
  if (begins_with_meta_map(peek, header)) {
    page.kind = PageKind::kReadOnly;
    return page;
  }
  if (!owner_closes(peek, header)) return std::nullopt;
  if (header.reservation_start != at.value || header.reservation_size < header.size) {
    return std::nullopt;
  }
  const Mapping* const objects = space.find_mapping(Address{header.area_start});
  if (objects != nullptr && objects->executable) {
    page.kind = PageKind::kCode;
  } else if ((header.flags & kV8LargePage) != 0) {
    page.kind = PageKind::kLarge;
  } else if ((header.flags & (kV8FromPage | kV8ToPage)) != 0) {
    page.kind = PageKind::kYoung;
  }
  return page;
}

struct Search {
  std::vector<Page> pages;
  bool gave_up = false;
};

Search find_pages(const Space& space, Peek& peek) {
  Search search;
  std::size_t misses = 0;
  Address next;
  for (const Mapping& mapping : space.mappings) {
    const bool is_unlabelled = mapping.name.empty() || mapping.name.starts_with("[anon:");
    if (mapping.has_file() || mapping.shared || !mapping.readable || !is_unlabelled) continue;
    Address at = std::max(next, round_up(mapping.range.start, kV8PageUnit));
    while (at < mapping.range.end) {
      if (space.find_module(at) != nullptr) break;
      if (misses >= kMostMisses || peek.exhausted()) {
        search.gave_up = true;
        return search;
      }
      Bytes step = kV8PageUnit;
      if (auto page = read_page(space, peek, at)) {
        step = round_up(page->range.size(), kV8PageUnit);
        search.pages.push_back(*page);
      } else {
        ++misses;
      }
      at = at + step;
      next = at;
    }
  }
  return search;
}

/// What V8 reserved for code around a code page: the mappings that follow each other without a
/// gap and hold code, nothing, or a page's header. Mapped files in it (V8 maps its built-in code
/// there once more) are left to their file.
std::vector<Range> code_range_from(const Space& space, const std::set<Address>& headers,
                                   Address start) {
  std::vector<Range> ranges;
  const Range limit = range_of(start, kV8CodeRange);
  Address at = start;
  while (at < limit.end) {
    const Mapping* const mapping = space.find_mapping(at);
    if (mapping == nullptr || mapping->range.start > at || mapping->shared) break;
    const bool is_file = mapping->has_file();
    const bool is_reserved = !mapping->readable && !mapping->writable && !mapping->executable;
    const bool is_header = headers.contains(round_down(at, kV8PageUnit));
    if (!mapping->executable && !is_reserved && !is_header) break;
    if (is_file && !mapping->executable) break;
    const Range part = intersection({at, mapping->range.end}, limit);
    if (!is_file) {
      if (!ranges.empty() && ranges.back().end == part.start) {
        ranges.back().end = part.end;
      } else {
        ranges.push_back(part);
      }
    }
    at = mapping->range.end;
  }
  return ranges;
}

std::string_view account_of(PageKind kind) {
  switch (kind) {
    case PageKind::kYoung:
      return "young generation";
    case PageKind::kOld:
      return "old generation";
    case PageKind::kLarge:
      return "large objects";
    case PageKind::kReadOnly:
      return "read-only";
    case PageKind::kCode:
      break;
  }
  return "code";
}

void claim_pages(const HeapScene& scene, const std::vector<Page>& pages, HeapSurvey& survey) {
  std::set<Address> code_headers;
  for (const Page& page : pages) {
    const AccountId parent = page.kind == PageKind::kCode
                                 ? scene.chart.open({"heap", "V8", "code"})
                                 : scene.chart.open({"heap", "V8", "pages"});
    const bool is_code = page.kind == PageKind::kCode;
    const AccountId account = is_code ? parent : scene.chart.open(parent, account_of(page.kind));
    const EvidenceId evidence = scene.chart.because(
        page.kind == PageKind::kReadOnly
            ? std::string("a page header marked read-only, and the first object is its own map")
            : fmt::format("a page header of the isolate whose heap is at {:#x}; its space names "
                          "the same heap",
                          page.heap));
    survey.claims.push_back({page.range, account, evidence, Rank::kHeap});
    if (is_code) code_headers.insert(page.range.start);
  }
  const AccountId code = scene.chart.open({"heap", "V8", "code"});
  const EvidenceId reserved =
      scene.chart.because("reserved around a page of V8's code and mapped without a gap after it");
  Address covered;
  for (const Address start : code_headers) {
    if (start < covered) continue;
    for (const Range& range : code_range_from(scene.space, code_headers, start)) {
      survey.claims.push_back({range, code, reserved, Rank::kRuntimeRegion});
      covered = range.end;
    }
  }
}

}  // namespace

HeapSurvey survey_v8(const HeapScene& scene) {
  HeapSurvey survey;
  const auto& modules = scene.space.modules;
  const auto holder = std::find_if(modules.begin(), modules.end(), may_hold_v8);
  if (holder == modules.end()) return survey;
  Peek peek(scene);
  const Search search = find_pages(scene.space, peek);
  claim_pages(scene, search.pages, survey);
  survey.bytes_read = peek.bytes_read();
  if (search.gave_up) {
    survey.notes.push_back("the search for V8's pages stopped at a limit; some may be missing");
  }
  if (search.pages.empty() && holder->name == "node") {
    survey.notes.push_back(
        "this is Node, and no page has a header as V8 7 to 11 writes it; newer ones keep it "
        "elsewhere and are not read yet");
  }
  return survey;
}

}  // namespace strata
