#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/joined_claims.h"
#include "inspect/heap/radix_map.h"

// Source  gperftools 2.7 to 2.16: pagemap.h (TCMalloc_PageMap2), span.h, page_heap.h,
//         page_heap_allocator.h (where spans lie). Google's: internal/system_allocator.h (names).

namespace strata {
namespace {

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
      : scene_(scene), peek_(scene, read_limit_for_records(scene.space)), memory_(scene.space) {}

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
    for (const RadixLeaf& leaf : map.leaves) {
      remember_structure(range_of(leaf.address, map.shape.leaf_size()));
      // Entries of pages inside a span are left as they were, so unsound ones are ordinary here.
      walk_leaf(peek_, scene_, map.shape, leaf, owner_of,
                [&](const OwnedPages& owned, std::span<const std::uint64_t> entry) {
                  if (!last_page_agrees(map, owned, entry)) return;
                  add_span(owned, map.shape.page_bits);
                  remember_structure(range_of(owned.record, Bytes{sizeof(Span)}));
                });
    }
    if (spans_ == 0) return;
    const std::string found = fmt::format(
        "the page map at {} leads to {} spans of {} pages, which lead back to their pages",
        place_of(scene_.space, map.root), spans_,
        size_text(Bytes{std::uint64_t{1} << map.shape.page_bits}));
    claims_.set_evidence(scene_.chart.because(found));
    const auto areas = areas_of_structures();
    claims_.move_into(survey_, "tcmalloc's spans");
    book_areas(areas, found);
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

  /// Spans come by address, as the map's pages do.
  void add_span(const OwnedPages& owned, unsigned page_bits) {
    const Range range = range_of(Address{owned.first << page_bits},
                                 Bytes{owned.count} * (std::uint64_t{1} << page_bits));
    const auto span = peek_.value<Span>(owned.record);
    if (!span || range.start < end_ || !memory_.covers(range)) return;
    end_ = range.end;
    ++spans_;
    const std::string_view kind = kind_of(span->state);
    auto account = accounts_.find(kind);
    if (account == accounts_.end()) {
      const AccountId opened = scene_.chart.open({"heap", "tcmalloc", "spans", kind});
      account = accounts_.emplace(kind, opened).first;
    }
    claims_.push(range, account->second);
  }

  /// Structures lie close together, so whole pages of them join to few ranges.
  void remember_structure(Range range) {
    Range pages{round_down(range.start, 4_KiB), round_up(range.end, 4_KiB)};
    auto next = structures_.upper_bound(pages.start);
    if (next != structures_.begin() && std::prev(next)->second >= pages.start) {
      if (std::prev(next)->second >= pages.end) return;
      next = std::prev(next);
      pages.start = next->first;
    }
    while (next != structures_.end() && next->first <= pages.end) {
      pages.end = std::max(pages.end, next->second);
      next = structures_.erase(next);
    }
    structures_.emplace_hint(next, pages.start, pages.end);
  }

  /// tcmalloc lays its own structures out in areas between spans; what lies between two of them
  /// with no span and no other mapping between is such an area.
  std::vector<Range> areas_of_structures() const {
    std::vector<Range> areas;
    for (const auto& [start, end] : structures_) {
      if (!areas.empty()) {
        const Range joined{areas.back().start, end};
        if (memory_.covers(joined) && !claims_.touches(joined)) {
          areas.back() = joined;
          continue;
        }
      }
      areas.push_back({start, end});
    }
    return areas;
  }

  void book_areas(const std::vector<Range>& areas, const std::string& found) {
    const AccountId account = scene_.chart.open({"heap", "tcmalloc", "metadata"});
    const EvidenceId evidence = scene_.chart.because(
        fmt::format("between structures that the page map leads to; {}", found));
    for (const Range& area : areas) claim_anonymous(memory_, survey_, area, account, evidence);
  }

  const HeapScene& scene_;
  Peek peek_;
  AnonymousMemory memory_;
  HeapSurvey survey_;
  JoinedClaims claims_{scene_.chart};
  Address end_;  // of the last; one that begins before it lies
  std::size_t spans_ = 0;
  std::map<std::string_view, AccountId> accounts_;
  // Pages of records and leaves, start to end, joined; each took a page of the read limit to see.
  std::map<Address, Address> structures_;
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
