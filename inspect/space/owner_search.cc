#include "inspect/space/owner_search.h"

#include <algorithm>
#include <utility>

namespace strata {
namespace {

// Stays in the second-level cache between being read and being looked at.
constexpr Bytes kWindow = 256_KiB;
// Asked for at once: the kernel takes 11 ns a present page, 0.2 ms for all of it.
constexpr Bytes kAsked = 64_MiB;
// What is larger is a reservation; it is asked about as a whole, which costs its present pages.
constexpr Bytes kLargestInParts = 16_GiB;

/// What is left over between a heap's parts, or beside a thread's block, is not searched for.
bool is_worth_it(Range range) { return range.size() >= page_size(); }

}  // namespace

OwnerSearch::OwnerSearch(const PresentMemory& memory, std::span<const Range> wanted)
    : memory_(memory) {
  wanted_.reserve(wanted.size());
  for (const Range& range : wanted) {
    wanted_.push_back({range, {}});
    missing_ += is_worth_it(range);
  }
}

std::uint32_t OwnerSearch::add(Holder holder) {
  holders_.push_back(std::move(holder));
  return static_cast<std::uint32_t>(holders_.size() - 1);
}

std::vector<std::uint32_t> OwnerSearch::take_news() { return std::exchange(news_, {}); }

void OwnerSearch::look_through(Range range, std::uint32_t holder, Bytes& budget) {
  if (wanted_.empty()) return;
  const Bytes step = range.size() > kLargestInParts ? range.size() : kAsked;
  for (Address from = range.start; from < range.end && budget > 0_B; from = from + step) {
    const auto parts = memory_.present({from, std::min(from + step, range.end)});
    if (!parts) return;
    for (const Range& part : *parts) {
      for (Address at = round_up(part.start, 8_B); at < part.end && budget > 0_B;) {
        const Address end = std::min(at + std::min(kWindow, budget), part.end);
        words_.resize((end - at).value / 8);
        if (words_.empty()) break;
        const auto got = memory_.read(at, std::as_writable_bytes(std::span(words_)));
        if (!got) return;
        bytes_read_ += *got;
        budget = saturating_sub(budget, end - at);
        look_through_words(at, holder);
        at = end;
      }
    }
  }
}

void OwnerSearch::look_through_words(Address from, std::uint32_t holder) {
  const std::uint64_t lowest = wanted_.front().range.start.value;
  const std::uint64_t span = wanted_.back().range.end.value - lowest;
  const std::uint64_t* const words = words_.data();
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (words[i] - lowest < span) note(from + Bytes{i * 8}, Address{words[i]}, holder);
  }
}

void OwnerSearch::note(Address word, Address value, std::uint32_t holder) {
  auto next = std::upper_bound(wanted_.begin(), wanted_.end(), value,
                               [](Address a, const Wanted& w) { return a < w.range.start; });
  if (next == wanted_.begin()) return;
  Wanted& wanted = *--next;
  if (!wanted.range.contains(value) || wanted.range.contains(word)) return;
  const bool exact = value == wanted.range.start;
  if (wanted.holder == kNobody) {
    missing_ -= is_worth_it(wanted.range);
    news_.push_back(static_cast<std::uint32_t>(next - wanted_.begin()));
  } else if (wanted.exact || !exact || holders_[wanted.holder].kind != holders_[holder].kind) {
    return;
  }
  wanted.holder = holder;
  wanted.word = word;
  wanted.exact = exact;
}

}  // namespace strata
