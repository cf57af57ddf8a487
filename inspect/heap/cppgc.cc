// Finds the pages of V8's C++ garbage collector (cppgc; Oilpan in Chromium): each names its space,
// and the space lists the page among its own. No symbols, no version.
//
// Cost    24 bytes a page, for at most kMostPages and as many listed by spaces.
// Source  src/heap/cppgc/heap-page.h (BasePage), heap-space.h (BaseSpace), globals.h (kPageSize) of
//         V8 9 to 15.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/exports.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/joined_claims.h"
#include "inspect/heap/peek.h"

namespace strata {
namespace {

constexpr Bytes kPage = 128_KiB;
// A page of a region of its own begins behind a guard.
constexpr std::array kGuards = {0_B, 4_KiB};
constexpr Bytes kCage = 4_GiB;
// Nothing of cppgc's is larger; a sanitizer's shadow is.
constexpr Bytes kLargestMapping = 64_GiB;
// Its space is named within the first words, and the list of pages within the space's first.
constexpr std::size_t kPageWords = 4;
constexpr std::size_t kSpaceWords = 12;
constexpr Bytes kLargestList = 1_MiB;
constexpr std::size_t kMostMisses = 32'768;
// 16 GiB of regular ones.
constexpr std::size_t kMostPages = std::size_t{1} << 17;
// What is remembered of words that were followed; past it, it is found again.
constexpr std::size_t kMostSpaces = 16'384;
constexpr std::size_t kMostFirstLooks = 4096;
constexpr Bytes kLeastCode = 12_MiB;

class Cppgc {
 public:
  explicit Cppgc(const HeapScene& scene) : scene_(scene), peek_(scene), memory_(scene.space) {}

  HeapSurvey survey() {
    if (begins_somewhere()) {
      look_through();
      book();
    }
    survey_.bytes_read = peek_.bytes_read();
    return std::move(survey_);
  }

 private:
  static bool may_hold_pages(const Mapping& mapping) {
    return is_private_anonymous(mapping) && mapping.writable && mapping.name != "[heap]" &&
           mapping.range.size() <= kLargestMapping;
  }

  bool begins_somewhere() {
    std::size_t looks = 0;
    for (const Mapping& mapping : scene_.space.mappings) {
      if (!may_hold_pages(mapping)) continue;
      const std::uint64_t within = mapping.range.start.value % kPage.value;
      if (within != kGuards[0].value && within != kGuards[1].value) continue;
      if (++looks > kMostFirstLooks) return false;
      if (is_page(mapping.range.start)) return true;
    }
    return false;
  }

  void look_through() {
    std::size_t misses = 0;
    for (const Mapping& mapping : scene_.space.mappings) {
      if (!may_hold_pages(mapping)) continue;
      for (const Bytes guard : kGuards) {
        Address at = round_up(mapping.range.start - guard, kPage) + guard;
        for (; at < mapping.range.end; at = at + kPage) {
          if (misses > kMostMisses || pages_.size() >= kMostPages || peek_.exhausted()) {
            survey_.notes.push_back(
                "the search for cppgc's pages stopped at a limit; some may be missing");
            return;
          }
          if (!is_page(at)) {
            ++misses;
            // Only a page's mapping begins behind a guard.
            if (guard != 0_B) break;
          }
        }
      }
    }
  }

  /// Whether one of the first words leads to a space that lists the page.
  bool is_page(Address at) {
    std::array<std::uint64_t, kPageWords> words;
    if (!peek_.read(at, std::as_writable_bytes(std::span(words)))) return false;
    for (const std::uint64_t word : words) {
      if (word < 4096 || word % 8 != 0 || word >> 47 != 0) continue;
      const auto& listed = pages_of(Address{word});
      if (!std::binary_search(listed.begin(), listed.end(), at)) continue;
      pages_.push_back(at);
      return true;
    }
    return false;
  }

  /// What the space at `at` lists, by address; empty where there is no space.
  const std::vector<Address>& pages_of(Address at) {
    const auto known = spaces_.find(at);
    if (known != spaces_.end()) return known->second;
    if (spaces_.size() >= kMostSpaces || listed_ >= kMostPages) {
      spaces_.clear();
      listed_ = 0;
    }
    std::vector<Address>& pages = spaces_[at];
    std::array<std::uint64_t, kSpaceWords> words;
    if (!peek_.read(at, std::as_writable_bytes(std::span(words)))) return pages;
    // The list: begin, end, end of what is allotted.
    for (std::size_t i = 1; i + 2 < words.size(); ++i) {
      const std::uint64_t begin = words[i];
      const std::uint64_t end = words[i + 1];
      if (begin < 4096 || begin % 8 != 0 || end <= begin || end > words[i + 2]) continue;
      if (end - begin > kLargestList.value || (end - begin) % 8 != 0) continue;
      std::vector<std::uint64_t> list((end - begin) / 8);
      if (!peek_.read_words(Address{begin}, list)) continue;
      const bool sound = std::all_of(list.begin(), list.end(), [&](std::uint64_t page) {
        const std::uint64_t within = page % kPage.value;
        return (within == kGuards[0].value || within == kGuards[1].value) &&
               memory_.find_writable(Address{page}).has_value();
      });
      if (!sound) continue;
      for (const std::uint64_t page : list) pages.push_back(Address{page});
      std::sort(pages.begin(), pages.end());
      listed_ += pages.size();
      return pages;
    }
    return pages;
  }

  void book() {
    const AccountId account = scene_.chart.open({"heap", "cppgc", "pages"});
    const EvidenceId evidence =
        scene_.chart.because("a page that names its space, which lists it among its pages");
    std::sort(pages_.begin(), pages_.end());
    pages_.erase(std::unique(pages_.begin(), pages_.end()), pages_.end());
    std::set<Address> cages;
    JoinedClaims claims(scene_.chart);
    for (auto page = pages_.begin(); page != pages_.end(); ++page) {
      Address limit = memory_.find_writable(*page)->end;
      if (std::next(page) != pages_.end()) limit = std::min(limit, *std::next(page));
      for (const Range& part : memory_.parts({*page, limit})) claims.push(part, account, evidence);
      cages.insert(round_down(*page, kCage));
    }
    claims.move_into(survey_, "cppgc's pages");
    const EvidenceId reserved = scene_.chart.because("reserved in one piece around cppgc's pages");
    for (const Address base : cages) {
      const Range cage = range_of(base, kCage);
      if (!memory_.covers(cage)) continue;
      claim_anonymous(memory_, survey_, cage, scene_.chart.open({"heap", "cppgc", "cage"}),
                      reserved, Rank::kRuntimeRegion);
    }
  }

  const HeapScene& scene_;
  Peek peek_;
  AnonymousMemory memory_;
  std::map<Address, std::vector<Address>> spaces_;
  std::size_t listed_ = 0;  // in all that is remembered of spaces
  std::vector<Address> pages_;
  HeapSurvey survey_;
};

}  // namespace

HeapSurvey survey_cppgc(const HeapScene& scene) {
  const auto& modules = scene.space.modules;
  const bool is_large = std::any_of(modules.begin(), modules.end(), [](const Module& module) {
    return code_size(module) >= kLeastCode;
  });
  return is_large ? Cppgc(scene).survey() : HeapSurvey{};
}

}  // namespace strata
