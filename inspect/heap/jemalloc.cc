#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/jemalloc_base.h"
#include "inspect/heap/radix_map.h"

// Source  jemalloc 5.0 to 5.3: rtree.h (the page map), edata.h and extent_structs.h (the record of
//         an extent), emap.c (which pages are entered), base.c (blocks of metadata).

namespace strata {
namespace {

// The map's entries and records of a heap of some 10 GiB; beyond it the survey says so.
constexpr Bytes kReadLimit = 256_MiB;
constexpr unsigned kPageBits = 12;

// 48 bits of address: two levels of 18 and one word an entry, the record's address with the size
// class above it and flags below. 57 bits (built where the processor has five levels of page
// tables): three levels of 15, and two words an entry.
constexpr RadixShape kShape48{kPageBits, {0, 18, 18}, 1, 64_B};
constexpr RadixShape kShape57{kPageBits, {15, 15, 15}, 2, 64_B};

constexpr std::uint64_t kRecordBits = (std::uint64_t{1} << 48) - 1;
constexpr std::uint64_t kFlagBits = 31;  // 5.3: slab, head, state in 3 bits; before: slab alone

struct Record {
  std::uint64_t bits;
  std::uint64_t address;
  std::uint64_t size;
};
constexpr std::uint64_t kArenaMask = 0xfff;
constexpr unsigned kSlabShift = 12;

/// One extent with what its record and its entry in the map say of it.
struct Extent {
  Range range;
  std::uint64_t bits;
  unsigned entry_flags;
};

std::optional<Record> record_at(Peek& peek, Address at) {
  if (at.value < 4096 || at.value % 64 != 0) return std::nullopt;
  const auto record = peek.value<Record>(at);
  if (!record || record->address < 4096 || record->address > kRecordBits) return std::nullopt;
  return record;
}

std::optional<OwnedPages> owner_in(Peek& peek, Address at) {
  const auto record = record_at(peek, at);
  // The lower bits of the size are a serial number; those of the address, a block's random offset.
  if (!record || record->size >> kPageBits == 0) return std::nullopt;
  return OwnedPages{record->address >> kPageBits, record->size >> kPageBits, at};
}

std::optional<OwnedPages> owner48(Peek& peek, std::span<const std::uint64_t> entry) {
  return owner_in(peek, Address{entry[0] & kRecordBits & ~kFlagBits});
}
std::optional<OwnedPages> owner57(Peek& peek, std::span<const std::uint64_t> entry) {
  return owner_in(peek, Address{entry[0]});
}

/// Where an extent's state stands in its record: 5.3 has one bit more before it and mirrors it in
/// the map's entry; before, the entry's flags are the slab bit alone.
struct StateField {
  unsigned shift;
  unsigned mask;
};
std::optional<StateField> deduce_state(const std::vector<Extent>& extents) {
  constexpr StateField k53{17, 7};
  constexpr StateField k50{16, 3};
  bool mirrored = true;
  bool flags_seen = false;
  for (const Extent& extent : extents) {
    const unsigned state = extent.entry_flags >> 2 & 7;
    flags_seen |= (extent.entry_flags & 30) != 0;
    mirrored &= state == (extent.bits >> k53.shift & k53.mask);
  }
  if (flags_seen) return mirrored ? std::optional(k53) : std::nullopt;
  return k50;
}

constexpr std::array kStates = {"active", "dirty", "muzzy", "retained"};

class Jemalloc {
 public:
  explicit Jemalloc(const HeapScene& scene)
      : scene_(scene), peek_(scene, kReadLimit), memory_(scene.space) {}

  HeapSurvey survey() {
    if (auto map = find_radix_map(peek_, scene_, memory_, kShape48, owner48)) {
      book(*map, owner48);
    } else if (auto deep = find_radix_map(peek_, scene_, memory_, kShape57, owner57)) {
      book(*deep, owner57);
    }
    survey_.bytes_read = peek_.bytes_read();
    if (peek_.exhausted()) {
      survey_.notes.push_back(
          "jemalloc's page map is larger than what is read of a target for "
          "it; some of its extents may be missing");
    }
    return std::move(survey_);
  }

 private:
  void book(const RadixMap& map, const ReadOwner& owner) {
    std::vector<Extent> extents;
    std::size_t unsound = 0;
    for (const RadixLeaf& leaf : map.leaves) {
      pointers_.insert(round_down(leaf.address, kMetadataStep));
      unsound += walk_leaf(peek_, scene_, map.shape, leaf, owner,
                           [&](const OwnedPages& owned, std::span<const std::uint64_t> entry) {
                             add_extent(extents, owned, entry);
                           });
    }
    for (const Address node : map.nodes) pointers_.insert(round_down(node, kMetadataStep));
    if (extents.empty()) return;
    const std::string found =
        fmt::format("the page map at {} leads to {} extents whose records lead back to their pages",
                    place_of(scene_.space, map.root), extents.size());
    book_extents(extents, found);
    book_metadata(found);
    if (unsound > 0) {
      survey_.notes.push_back(fmt::format(
          "{} entries of jemalloc's page map led to no sound record: they changed while they "
          "were read, or the heap is corrupt",
          unsound));
    }
  }

  void add_extent(std::vector<Extent>& extents, const OwnedPages& owned,
                  std::span<const std::uint64_t> entry) {
    const Range range = range_of(Address{owned.first << kPageBits},
                                 Bytes{owned.count} * (std::uint64_t{1} << kPageBits));
    const auto bits = peek_.word(owned.record);
    if (!bits || !memory_.covers(range)) return;
    const std::uint64_t flags = entry.size() == 1 ? entry[0] & kFlagBits : entry[1] & kFlagBits;
    pointers_.insert(round_down(owned.record, kMetadataStep));
    extents.push_back({range, *bits, static_cast<unsigned>(flags)});
  }

  AccountId account_of(const Extent& extent, std::optional<StateField> field) {
    const auto arena = static_cast<unsigned>(extent.bits & kArenaMask);
    const bool slab = (extent.bits >> kSlabShift & 1) != 0;
    const unsigned state =
        field ? static_cast<unsigned>(extent.bits >> field->shift & field->mask) : 4;
    const unsigned kind = state == 0 ? (slab ? 4 : 5) : std::min(state, 6U);
    const auto known = accounts_.find({arena, kind});
    if (known != accounts_.end()) return known->second;
    const std::string_view name = state >= kStates.size() ? "in transition"
                                  : state == 0            ? (slab ? "slabs" : "large blocks")
                                                          : kStates[state];
    const AccountId opened = scene_.chart.open(
        {"heap", "jemalloc", "extents", fmt::format("arena {}", arena), field ? name : "any"});
    accounts_.emplace(std::pair(arena, kind), opened);
    return opened;
  }

  void book_extents(std::vector<Extent>& extents, const std::string& found) {
    std::sort(extents.begin(), extents.end(),
              [](const Extent& a, const Extent& b) { return a.range < b.range; });
    const auto field = deduce_state(extents);
    const EvidenceId evidence = scene_.chart.because(found);
    for (const Extent& extent : extents) {
      const AccountId account = account_of(extent, field);
      if (!survey_.claims.empty()) {
        Claim& last = survey_.claims.back();
        if (last.account == account && last.range.end == extent.range.start) {
          last.range.end = extent.range.end;
          continue;
        }
      }
      survey_.claims.push_back({extent.range, account, evidence, Rank::kHeap});
    }
  }

  void book_metadata(const std::string& found) {
    const auto blocks = jemalloc::find_base_blocks(peek_, memory_, pointers_);
    const AccountId account = scene_.chart.open({"heap", "jemalloc", "metadata"});
    const EvidenceId evidence = scene_.chart.because(fmt::format(
        "blocks whose own header accounts for each byte, and which hold what the map leads to; {}",
        found));
    for (const Range& block : blocks) claim_anonymous(memory_, survey_, block, account, evidence);
  }

  static constexpr Bytes kMetadataStep = jemalloc::kBlockStep;

  const HeapScene& scene_;
  Peek peek_;
  AnonymousMemory memory_;
  HeapSurvey survey_;
  std::set<Address> pointers_;  // 2 MiB steps that hold records, leaves or nodes
  std::map<std::pair<unsigned, unsigned>, AccountId> accounts_;
};

}  // namespace

HeapSurvey survey_jemalloc(const HeapScene& scene) { return Jemalloc(scene).survey(); }

}  // namespace strata
