#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/jemalloc_base.h"
#include "inspect/heap/joined_claims.h"
#include "inspect/heap/radix_map.h"

// Source  jemalloc 5.0 to 5.3: rtree.h (the page map), edata.h and extent_structs.h (the record of
//         an extent), emap.c (which pages are entered), base.c (blocks of metadata).

namespace strata {
namespace {

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
// Among these are slabs, and the first extents of mappings, whose entries have flags in 5.3.
constexpr std::size_t kSample = 4096;

std::optional<StateField> deduce_state(const std::vector<Extent>& sample) {
  constexpr StateField k53{17, 7};
  constexpr StateField k50{16, 3};
  std::size_t mirrored = 0;
  bool flags_seen = false;
  for (const Extent& extent : sample) {
    const unsigned state = extent.entry_flags >> 2 & 7;
    flags_seen |= (extent.entry_flags & 30) != 0;
    mirrored += state == (extent.bits >> k53.shift & k53.mask);
  }
  if (!flags_seen) return k50;
  // A few may change just now; where another field stands there, few agree.
  return mirrored >= sample.size() - sample.size() / 16 ? std::optional(k53) : std::nullopt;
}

constexpr std::array kStates = {"active", "dirty", "muzzy", "retained"};

class Jemalloc {
 public:
  explicit Jemalloc(const HeapScene& scene)
      : scene_(scene), peek_(scene, read_limit_for_records(scene.space)), memory_(scene.space) {}

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
    std::size_t unsound = 0;
    for (const RadixLeaf& leaf : map.leaves) {
      remember_pointer(leaf.address);
      unsound += walk_leaf(peek_, scene_, map.shape, leaf, owner,
                           [&](const OwnedPages& owned, std::span<const std::uint64_t> entry) {
                             add_extent(owned, entry);
                           });
    }
    if (!sampled_) end_sample();
    for (const Address node : map.nodes) remember_pointer(node);
    if (extents_ == 0) return;
    const std::string found =
        fmt::format("the page map at {} leads to {} extents whose records lead back to their pages",
                    place_of(scene_.space, map.root), extents_);
    claims_.set_evidence(scene_.chart.because(found));
    claims_.move_into(survey_, "jemalloc's extents");
    book_metadata(found);
    if (unsound > 0) {
      survey_.notes.push_back(fmt::format(
          "{} entries of jemalloc's page map led to no sound record: they changed while they "
          "were read, or the heap is corrupt",
          unsound));
    }
  }

  /// Extents come by address, as the map's pages do.
  void add_extent(const OwnedPages& owned, std::span<const std::uint64_t> entry) {
    const Range range = range_of(Address{owned.first << kPageBits},
                                 Bytes{owned.count} * (std::uint64_t{1} << kPageBits));
    const auto bits = peek_.word(owned.record);
    if (!bits || range.start < end_ || !memory_.covers(range)) return;
    end_ = range.end;
    const std::uint64_t flags = entry.size() == 1 ? entry[0] & kFlagBits : entry[1] & kFlagBits;
    remember_pointer(owned.record);
    ++extents_;
    const Extent extent{range, *bits, static_cast<unsigned>(flags)};
    if (sampled_) {
      claims_.push(range, account_of(extent));
    } else {
      sample_.push_back(extent);
      if (sample_.size() == kSample) end_sample();
    }
  }

  void end_sample() {
    field_ = deduce_state(sample_);
    for (const Extent& extent : sample_) claims_.push(extent.range, account_of(extent));
    sample_ = {};
    sampled_ = true;
  }

  void remember_pointer(Address at) { pointers_.insert(round_down(at, kMetadataStep)); }

  AccountId account_of(const Extent& extent) {
    const auto arena = static_cast<unsigned>(extent.bits & kArenaMask);
    const bool slab = (extent.bits >> kSlabShift & 1) != 0;
    const unsigned state =
        field_ ? static_cast<unsigned>(extent.bits >> field_->shift & field_->mask) : 4;
    const unsigned kind = state == 0 ? (slab ? 0 : 1) : 1 + std::min(state, 4U);
    const auto known = accounts_.find({arena, kind});
    if (known != accounts_.end()) return known->second;
    const std::string_view name = state >= kStates.size() ? "in transition"
                                  : state == 0            ? (slab ? "slabs" : "large blocks")
                                                          : kStates[state];
    const AccountId opened = scene_.chart.open(
        {"heap", "jemalloc", "extents", fmt::format("arena {}", arena), field_ ? name : "any"});
    accounts_.emplace(std::pair(arena, kind), opened);
    return opened;
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
  JoinedClaims claims_{scene_.chart};
  Address end_;  // of the last; one that begins before it lies
  std::size_t extents_ = 0;
  std::vector<Extent> sample_;  // the first, kept until they say how the rest is to be read
  bool sampled_ = false;
  std::optional<StateField> field_;
  // 2 MiB steps that hold records, leaves or nodes; each took a page of the read limit to see.
  std::set<Address> pointers_;
  std::map<std::pair<unsigned, unsigned>, AccountId> accounts_;
};

}  // namespace

HeapSurvey survey_jemalloc(const HeapScene& scene) { return Jemalloc(scene).survey(); }

}  // namespace strata
