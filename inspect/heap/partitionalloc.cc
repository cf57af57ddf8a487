// Finds PartitionAlloc without symbols, from its metadata: a page between guards, in a large
// reservation, that names a root which holds its own address inverted, and whose free lists lead
// into the super page that the metadata is of.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/joined_claims.h"
#include "inspect/heap/partitionalloc_layout.h"
#include "inspect/heap/peek.h"

namespace strata {
namespace {

constexpr Bytes kReadLimit = 256_MiB;
// What names no root is most often another's page between guards.
constexpr std::size_t kMostWrongRoots = 64;
// A process has one for each kind of memory, some twenty.
constexpr std::size_t kMostRoots = 1024;
// A metadata page may carry the table of reference counts behind it.
constexpr Bytes kLargestMetadataMapping = 16_KiB;

struct Root {
  Address at;
  std::array<std::uint64_t, kPaSettings> settings;
};

struct SuperPage {
  Address start;
  Address metadata;
  const Root* root;
  std::array<PaPage, kPaPagesInSuperPage> pages;

  bool is_direct_map() const {
    return range_of(metadata, kPaMetadata).contains(Address{pages[1].bucket});
  }
  /// Behind the last page of the span that begins at `first`.
  std::size_t end_of_span(std::size_t first) const {
    std::size_t end = first + 1;
    while (end < pages.size() && pages[end].is_valid() && pages[end].before() == end - first) ++end;
    return end;
  }
};

bool has_large_reservation(const AnonymousMemory& memory) {
  return std::any_of(memory.any().begin(), memory.any().end(),
                     [](const Range& run) { return run.size() >= kPaLeastPool; });
}

class PartitionAlloc {
 public:
  explicit PartitionAlloc(const HeapScene& scene)
      : scene_(scene), peek_(scene, kReadLimit), memory_(scene.space) {}

  HeapSurvey survey() {
    if (!has_large_reservation(memory_)) return {};
    book_super_pages();
    claims_.move_into(survey_, "PartitionAlloc's spans");
    book_pools();
    if (peek_.exhausted()) {
      survey_.notes.push_back(
          "PartitionAlloc's metadata is more than what is read of a target for it; what lies in "
          "its pools is claimed as a whole");
    }
    survey_.bytes_read = peek_.bytes_read();
    return std::move(survey_);
  }

 private:
  void book_super_pages() {
    const Mapping* previous = nullptr;
    for (const Mapping& mapping : scene_.space.mappings) {
      const Mapping* const guard = std::exchange(previous, &mapping);
      if (guard == nullptr || guard->range.end != mapping.range.start || guard->readable) continue;
      if (!is_private_anonymous(mapping) || !mapping.writable) continue;
      if (mapping.range.size() > kLargestMetadataMapping) continue;
      const auto run = memory_.find_any(mapping.range.start);
      if (!run || run->size() < kPaLeastPool) continue;
      if (const auto page = read_super_page(mapping.range.start)) book(*page);
      if (wrong_roots_.size() > kMostWrongRoots || peek_.exhausted()) return;
    }
  }

  std::optional<SuperPage> read_super_page(Address metadata) {
    SuperPage page{{}, metadata, nullptr, {}};
    if (!peek_.read(metadata, std::as_writable_bytes(std::span(page.pages)))) return std::nullopt;
    // The first word of the extent stands where a page has its free list.
    page.root = find_root(Address{page.pages[0].freelist_head});
    if (page.root == nullptr) return std::nullopt;
    const auto start = place_of_super_page(page);
    if (!start) return std::nullopt;
    page.start = *start;
    return page;
  }

  const Root* find_root(Address at) {
    if (at.value < 4096 || at.value % 8 != 0 || at.value >> 47 != 0) return nullptr;
    if (const auto known = roots_.find(at); known != roots_.end()) return &known->second;
    if (wrong_roots_.contains(at)) return nullptr;
    const Mapping* const mapping = scene_.space.find_mapping(at);
    if (mapping == nullptr || !mapping->writable || mapping->shared) return nullptr;
    std::vector<std::uint64_t> words(std::min(kPaRoot, mapping->range.end - at) / 8_B);
    if (words.size() < kPaSettings || !peek_.read_words(at, words) ||
        std::find(words.begin() + 1, words.end(), ~at.value) == words.end()) {
      wrong_roots_.insert(at);
      return nullptr;
    }
    if (roots_.size() >= kMostRoots) return nullptr;
    Root root{at, {}};
    std::copy_n(words.begin(), kPaSettings, root.settings.begin());
    return &roots_.emplace(at, root).first->second;
  }

  /// Where the super page begins that this is the metadata of: what the root says, or right
  /// before the metadata.
  std::optional<Address> place_of_super_page(const SuperPage& page) const {
    std::optional<Address> unproven;
    const auto try_offset = [&](std::uint64_t offset) -> std::optional<Address> {
      const Address start{page.metadata.value - offset};
      if (start.value % kPaSuperPage.value != 0) return std::nullopt;
      if (!memory_.covers(range_of(start, kPaSuperPage))) return std::nullopt;
      if (!memory_.find_writable(start + kPaPartitionPage)) return std::nullopt;
      const auto proofs = count_proofs(page, start);
      if (!proofs) return std::nullopt;
      if (*proofs == 0 && !unproven) unproven = start;
      return *proofs > 0 ? std::optional(start) : std::nullopt;
    };
    for (const std::uint64_t offset : page.root->settings) {
      if (offset == 0) continue;
      if (const auto start = try_offset(offset)) return start;
    }
    if (const auto start = try_offset(kPaMetadataInSuperPage)) return start;
    return unproven;
  }

  /// How many free lists lead into their own span of a super page at `start`; nothing where one
  /// leads elsewhere, or what should be a span names no bucket of the root.
  static std::optional<std::size_t> count_proofs(const SuperPage& page, Address start) {
    if (page.is_direct_map()) return 0;
    std::size_t proofs = 0;
    for (std::size_t i = 1; i < page.pages.size(); ++i) {
      const PaPage& one = page.pages[i];
      if (!one.begins_span() || one.bucket == 0) continue;
      if (!range_of(page.root->at, kPaRoot).contains(Address{one.bucket})) return std::nullopt;
      if (one.freelist_head == 0) continue;
      const Range span =
          range_of(start + kPaPartitionPage * i, kPaPartitionPage * (page.end_of_span(i) - i));
      if (!span.contains(Address{one.freelist_head})) return std::nullopt;
      ++proofs;
    }
    return proofs;
  }

  void book(const SuperPage& page) {
    const EvidenceId evidence = scene_.chart.because(
        fmt::format("metadata of the partition whose root is at {}, which holds its own address "
                    "inverted",
                    place_of(scene_.space, page.root->at)));
    claim(range_of(page.metadata, kPaMetadata), "metadata", evidence);
    add_pool(page);
    if (page.is_direct_map()) {
      const auto block = memory_.find_writable(page.start + kPaPartitionPage);
      claim({page.start + kPaPartitionPage, block->end}, "direct maps", evidence);
      return;
    }
    for (std::size_t i = 1; i < page.pages.size();) {
      const std::size_t end = page.end_of_span(i);
      if (page.pages[i].begins_span() && page.pages[i].bucket != 0) {
        const bool used = page.pages[i].allocated() > 0;
        claim(range_of(page.start + kPaPartitionPage * i, kPaPartitionPage * (end - i)),
              used ? "slot spans" : "empty slot spans", evidence);
      }
      i = end;
    }
  }

  /// The root's settings hold the pool's base and the mask that leads to it.
  void add_pool(const SuperPage& page) {
    const auto& words = page.root->settings;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
      const std::uint64_t size = ~words[i + 1] + 1;
      const bool is_mask =
          (size & (size - 1)) == 0 && size >= kPaLeastPool.value && size <= kPaMostPool.value;
      if (!is_mask || words[i] == 0 || (page.start.value & words[i + 1]) != words[i]) continue;
      pools_.insert(range_of(Address{words[i]}, Bytes{size}));
      return;
    }
    pools_.insert(range_of(page.start, kPaSuperPage));
  }

  void book_pools() {
    const EvidenceId evidence =
        scene_.chart.because("the pool around super pages, by base and mask in their root");
    const AccountId account = scene_.chart.open({"heap", "PartitionAlloc", "pools"});
    for (const Range& pool : pools_) {
      claim_anonymous(memory_, survey_, pool, account, evidence, Rank::kRuntimeRegion);
    }
  }

  void claim(Range range, std::string_view name, EvidenceId evidence) {
    const AccountId account = scene_.chart.open({"heap", "PartitionAlloc", name});
    for (const Range& part : memory_.parts(range)) claims_.push(part, account, evidence);
  }

  const HeapScene& scene_;
  Peek peek_;
  AnonymousMemory memory_;
  JoinedClaims claims_{scene_.chart};
  std::map<Address, Root> roots_;
  std::set<Address> wrong_roots_;
  std::set<Range> pools_;  // at worst one a super page, each of which took 4 KiB of kReadLimit
  HeapSurvey survey_;
};

}  // namespace

HeapSurvey survey_partitionalloc(const HeapScene& scene) { return PartitionAlloc(scene).survey(); }

}  // namespace strata
