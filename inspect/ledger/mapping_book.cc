#include "inspect/ledger/mapping_book.h"

#include <algorithm>

namespace strata {
namespace {

// A few bytes of padding do not change what a mapping is for.
constexpr double kNearlyAll = 0.95;

double share_of(Bytes part, Bytes whole) {
  return whole == 0_B ? 0 : static_cast<double>(part.value) / static_cast<double>(whole.value);
}

}  // namespace

void MappingBook::move_to(Address address) {
  while (current_ + 1 < mappings_.size() && mappings_[current_].range.end <= address) {
    settle();
    ++current_;
  }
}

void MappingBook::book_mapped(const Claim& piece) {
  // A claim may span mappings (a module's segment over file and .bss); each gets its part.
  for (Address from = piece.range.start; from < piece.range.end && !mappings_.empty();) {
    move_to(from);
    const Address to = std::min(piece.range.end, mappings_[current_].range.end);
    if (to <= from) return;
    const Bytes bytes = to - from;
    entries_[current_].measure.virtual_size += bytes;
    const auto found = std::find_if(shares_.begin(), shares_.end(), [&](const Share& share) {
      return share.account == piece.account;
    });
    if (found != shares_.end()) {
      found->bytes += bytes;
    } else {
      shares_.push_back({piece.account, piece.evidence, piece.rank, bytes});
    }
    from = to;
  }
}

void MappingBook::book_pages(const Claim&, Range part, PageFlags flags) {
  // Pages come after the piece that they are of was booked, which may already have moved on to its
  // last mapping; so look back from there.
  std::size_t index = current_;
  while (index > 0 && part.start < mappings_[index].range.start) --index;
  for (; index < mappings_.size() && mappings_[index].range.start < part.end; ++index) {
    const Bytes bytes = intersection(mappings_[index].range, part).size();
    if (bytes > 0_B) entries_[index].measure.add(flags, bytes);
  }
}

/// Decides what the current mapping is for.
void MappingBook::settle() {
  const auto widest =
      std::max_element(shares_.begin(), shares_.end(),
                       [](const Share& a, const Share& b) { return a.bytes < b.bytes; });
  if (widest == shares_.end()) return;
  MappingEntry& entry = entries_[current_];
  const Mapping& mapping = mappings_[current_];
  const bool is_guard = !mapping.readable && !mapping.writable && !mapping.executable;
  const bool is_stack =
      widest->rank == Rank::kStackPart || (widest->rank == Rank::kStack && !is_guard);
  entry.purpose = is_stack ? chart_.parent(widest->account) : widest->account;
  entry.evidence = widest->evidence;
  const auto covered = [&](AccountId account) {
    Bytes sum;
    for (const Share& share : shares_) {
      if (chart_.is_under(share.account, account)) sum += share.bytes;
    }
    return share_of(sum, entry.measure.virtual_size);
  };
  while (covered(entry.purpose) < kNearlyAll) entry.purpose = chart_.parent(entry.purpose);
  // Shared by unlike things: what most of it is says more than the root does.
  if (entry.purpose == AccountId::kRoot) entry.purpose = widest->account;
  shares_.clear();
}

std::vector<MappingEntry> MappingBook::finish() {
  settle();
  return std::move(entries_);
}

}  // namespace strata
