#include "inspect/heap/jvm_reservations.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

namespace strata {
namespace {

// Serial's offset table is heap > old generation > offset table, which holds the record.
constexpr int kSteps = 2;
constexpr std::size_t kMostObjects = 20'000;
constexpr std::size_t kObjectWords = 64;
constexpr Bytes kLargestReservation{std::uint64_t{1} << 40};

class Search {
 public:
  Search(const Space& space, Peek& peek, const std::vector<Range>& taken)
      : space_(space), peek_(peek), taken_(taken) {}

  void look_at(const std::vector<std::uint64_t>& words, int steps_left);
  std::vector<Range> found() && { return std::move(found_); }

 private:
  std::optional<Range> record_at(const std::vector<std::uint64_t>& words, std::size_t i) const;
  bool is_new(Range range) const;

  const Space& space_;
  Peek& peek_;
  const std::vector<Range>& taken_;
  std::unordered_set<std::uint64_t> seen_;
  std::vector<Range> found_;
};

bool Search::is_new(Range range) const {
  const auto overlaps = [&](const Range& other) { return other.overlaps(range); };
  return std::none_of(taken_.begin(), taken_.end(), overlaps) &&
         std::none_of(found_.begin(), found_.end(), overlaps);
}

std::optional<Range> Search::record_at(const std::vector<std::uint64_t>& words,
                                       std::size_t i) const {
  const std::uint64_t page = page_size().value;
  const Range range{Address{words[i]}, Address{words[i + 1]}};
  if (range.start.value == 0 || range.empty() || range.size() > kLargestReservation) return {};
  if (range.start.value % page != 0 || range.end.value % page != 0) return {};
  const std::uint64_t third = words[i + 2];
  const std::uint64_t fourth = words[i + 3];
  const bool is_virtual_space = range.start.value <= third && third < fourth &&
                                fourth <= range.end.value && third % page == 0 &&
                                fourth % page == 0;
  const bool is_page_based =
      (fourth == page || fourth == (2_MiB).value || fourth == (1_GiB).value) && third < fourth;
  if (!is_virtual_space && !is_page_based) return {};
  if (!is_anonymous(space_, range) || !is_new(range)) return {};
  return range;
}

void Search::look_at(const std::vector<std::uint64_t>& words, int steps_left) {
  for (std::size_t i = 0; i + 4 <= words.size(); ++i) {
    if (const auto range = record_at(words, i)) found_.push_back(*range);
  }
  if (steps_left == 0) return;
  for (const std::uint64_t pointer : words) {
    if (pointer == 0 || pointer % 8 != 0 || seen_.size() >= kMostObjects) continue;
    if (find_writable_anonymous(space_, Address{pointer}) == nullptr) continue;
    const Range object = range_of(Address{pointer}, 1_B);
    // Java objects lead to Java objects, not to the collector's records.
    if (std::any_of(taken_.begin(), taken_.end(),
                    [&](const Range& range) { return range.contains(object); })) {
      continue;
    }
    if (!seen_.insert(pointer).second) continue;
    // An object near the end of what is resident is looked at as far as its page goes.
    const auto whole = peek_.value<std::array<std::uint64_t, kObjectWords>>(object.start);
    std::vector<std::uint64_t> inner;
    if (whole) {
      inner.assign(whole->begin(), whole->end());
    } else {
      for (Address at = object.start; const auto word = peek_.word(at); at = at + 8_B) {
        inner.push_back(*word);
        if (inner.size() == kObjectWords) break;
      }
    }
    look_at(inner, steps_left - 1);
  }
}

}  // namespace

std::vector<Range> find_jvm_reservations(const Space& space, Peek& peek, Address heap, Bytes size,
                                         const std::vector<StaticWords>& roots,
                                         const std::vector<Range>& taken) {
  Search search(space, peek, taken);
  std::vector<std::uint64_t> words;
  for (std::uint64_t at = 0; at + 8 <= size.value; at += 8) {
    words.push_back(peek.word(heap + Bytes{at}).value_or(0));
  }
  search.look_at(words, kSteps);
  for (const StaticWords& root : roots) search.look_at(root.words, 1);
  return std::move(search).found();
}

}  // namespace strata
