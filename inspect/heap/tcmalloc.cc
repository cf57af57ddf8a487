#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/radix_map.h"

// Source  gperftools 2.7 to 2.16: pagemap.h (TCMalloc_PageMap2), span.h, page_heap.h,
//         page_heap_allocator.h (where spans lie). Google's: internal/system_allocator.h (names).

namespace strata {
namespace {

constexpr Bytes kReadLimit = 256_MiB;
constexpr unsigned kAddressBits = 48;
// TCMALLOC_PAGE_SIZE_SHIFT: 8 KiB unless built otherwise.
constexpr std::array kPageBits = {13U, 12U, 15U, 16U};

constexpr RadixShape shape_of(unsigned page_bits) {
  const unsigned bits = kAddressBits - page_bits;
  const unsigned leaf = (bits + 1) / 2;
  return {page_bits, {0, bits - leaf, leaf}, 1, 8_B};
}

struct Span {
  std::uint64_t start;
  std::uint64_t length;
  std::uint64_t next;
  std::uint64_t previous;
  std::uint64_t objects;
  std::uint64_t state;  // refcount in 16 bits, size class in 8, location in 2
};

std::optional<OwnedPages> owner_of(Peek& peek, std::span<const std::uint64_t> entry) {
  const Address at{entry[0]};
  if (at.value < 4096 || at.value % 8 != 0 || at.value >> kAddressBits != 0) return std::nullopt;
  const auto span = peek.value<std::array<std::uint64_t, 2>>(at);
  if (!span || (*span)[0] == 0 || (*span)[1] == 0 || (*span)[0] >> 36 != 0) return std::nullopt;
  return OwnedPages{(*span)[0], (*span)[1], at};
}

struct KnownSpan {
  Range range;
  std::string_view kind;
};

std::string_view kind_of(std::uint64_t state) {
  switch (state >> 24 & 3) {
    case 0:
      return (state >> 16 & 0xff) != 0 ? "small blocks" : "large blocks";
    case 1:
      return "free";
    case 2:
      return "returned";
    default:
      return "of no known state";
  }
}

class Tcmalloc {
 public:
  explicit Tcmalloc(const HeapScene& scene)
      : scene_(scene), peek_(scene, kReadLimit), memory_(scene.space) {}

  HeapSurvey survey() {
    for (const unsigned page_bits : kPageBits) {
      const auto map = find_radix_map(peek_, scene_, memory_, shape_of(page_bits), owner_of);
      if (!map) continue;
      book(*map);
      break;
    }
    survey_.bytes_read = peek_.bytes_read();
    if (peek_.exhausted()) {
      survey_.notes.push_back(
          "tcmalloc's page map is larger than what is read of a target for "
          "it; some of its spans may be missing");
    }
    return std::move(survey_);
  }

 private:
  void book(const RadixMap& map) {
    std::vector<Range> structures;
    for (const RadixLeaf& leaf : map.leaves) {
      structures.push_back(range_of(leaf.address, map.shape.leaf_size()));
      // Entries of pages inside a span are left as they were, so unsound ones are ordinary here.
      walk_leaf(peek_, scene_, map.shape, leaf, owner_of,
                [&](const OwnedPages& owned, std::span<const std::uint64_t> entry) {
                  if (!last_page_agrees(map, owned, entry)) return;
                  add_span(owned, map.shape.page_bits);
                  structures.push_back(range_of(owned.record, Bytes{sizeof(Span)}));
                });
    }
    if (spans_.empty()) return;
    std::sort(spans_.begin(), spans_.end(),
              [](const KnownSpan& a, const KnownSpan& b) { return a.range < b.range; });
    const std::string found = fmt::format(
        "the page map at {} leads to {} spans of {} pages, which lead back to their pages",
        place_of(scene_.space, map.root), spans_.size(),
        size_text(Bytes{std::uint64_t{1} << map.shape.page_bits}));
    book_spans(found);
    book_structures(structures, found);
  }

  /// A span's first and last page are always entered; a record that is free by now, and was
  /// written to again, does not pass by its first page alone.
  bool last_page_agrees(const RadixMap& map, const OwnedPages& owned,
                        std::span<const std::uint64_t> entry) {
    const std::uint64_t last = owned.first + owned.count - 1;
    const unsigned leaf_bits = map.shape.bits[2];
    const std::uint64_t first_of_leaf = last >> leaf_bits << leaf_bits;
    const auto leaf = std::lower_bound(
        map.leaves.begin(), map.leaves.end(), first_of_leaf,
        [](const RadixLeaf& a, std::uint64_t page) { return a.first_page < page; });
    if (leaf == map.leaves.end() || leaf->first_page != first_of_leaf) return false;
    return peek_.word(leaf->address + Bytes{(last - first_of_leaf) * 8}) == entry[0];
  }

  void add_span(const OwnedPages& owned, unsigned page_bits) {
    const Range range = range_of(Address{owned.first << page_bits},
                                 Bytes{owned.count} * (std::uint64_t{1} << page_bits));
    const auto span = peek_.value<Span>(owned.record);
    if (!span || !memory_.covers(range)) return;
    spans_.push_back({range, kind_of(span->state)});
  }

  void book_spans(const std::string& found) {
    const EvidenceId evidence = scene_.chart.because(found);
    std::map<std::string_view, AccountId> accounts;
    for (const KnownSpan& span : spans_) {
      auto account = accounts.find(span.kind);
      if (account == accounts.end()) {
        const AccountId opened = scene_.chart.open({"heap", "tcmalloc", "spans", span.kind});
        account = accounts.emplace(span.kind, opened).first;
      }
      if (!survey_.claims.empty() && survey_.claims.back().account == account->second &&
          survey_.claims.back().range.end == span.range.start) {
        survey_.claims.back().range.end = span.range.end;
      } else {
        survey_.claims.push_back({span.range, account->second, evidence, Rank::kHeap});
      }
    }
  }

  /// tcmalloc lays its own structures out in areas between spans; what lies between two of them
  /// with no span and no other mapping between is such an area.
  void book_structures(std::vector<Range>& structures, const std::string& found) {
    std::sort(structures.begin(), structures.end());
    const AccountId account = scene_.chart.open({"heap", "tcmalloc", "metadata"});
    const EvidenceId evidence = scene_.chart.because(
        fmt::format("between structures that the page map leads to; {}", found));
    std::optional<Range> area;
    const auto flush = [&] {
      if (!area) return;
      const Range pages{round_down(area->start, 4_KiB), round_up(area->end, 4_KiB)};
      claim_anonymous(memory_, survey_, pages, account, evidence);
    };
    for (const Range& one : structures) {
      if (area && memory_.covers({area->start, std::max(area->end, one.end)}) &&
          !has_span({area->start, one.end})) {
        area->end = std::max(area->end, one.end);
        continue;
      }
      flush();
      area = one;
    }
    flush();
  }

  bool has_span(Range range) const {
    const auto next =
        std::upper_bound(spans_.begin(), spans_.end(), range.start,
                         [](Address a, const KnownSpan& span) { return a < span.range.end; });
    return next != spans_.end() && next->range.start < range.end;
  }

  const HeapScene& scene_;
  Peek peek_;
  AnonymousMemory memory_;
  HeapSurvey survey_;
  std::vector<KnownSpan> spans_;
};

/// Google's tcmalloc keeps other structures, which are not read; where the kernel takes names for
/// anonymous memory it names its regions itself.
void book_named_regions(const HeapScene& scene, HeapSurvey& survey) {
  constexpr std::string_view kName = "[anon:tcmalloc_region_";
  bool any = false;
  for (const Mapping& mapping : scene.space.mappings) {
    if (mapping.shared || mapping.has_file() || !mapping.name.starts_with(kName)) continue;
    const bool is_metadata =
        std::string_view(mapping.name).substr(kName.size()).starts_with("META");
    survey.claims.push_back(
        {mapping.range,
         scene.chart.open({"heap", "tcmalloc", is_metadata ? "metadata" : "regions"}),
         scene.chart.because("tcmalloc named the mapping"),
         mapping.readable ? Rank::kHeap : Rank::kRuntimeRegion});
    any = true;
  }
  if (any) {
    survey.notes.push_back(
        "this is Google's tcmalloc, whose regions are known by their names; what of them is in use "
        "and what is free is not read");
  }
}

}  // namespace

HeapSurvey survey_tcmalloc(const HeapScene& scene) {
  HeapSurvey survey = Tcmalloc(scene).survey();
  book_named_regions(scene, survey);
  return survey;
}

}  // namespace strata
