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

MappingBook::Booked& MappingBook::at(Address address) {
  if (booked_.empty()) booked_.resize(mappings_.size());
  while (current_ + 1 < mappings_.size() && mappings_[current_].range.end <= address) ++current_;
  return booked_[current_];
}

void MappingBook::book_mapped(const Claim& piece) {
  // A claim may span mappings (a module's segment over file and .bss); each gets its part.
  for (Address from = piece.range.start; from < piece.range.end;) {
    Booked& booked = at(from);
    const Address to = std::min(piece.range.end, mappings_[current_].range.end);
    if (to <= from) return;
    const Bytes bytes = to - from;
    booked.measure.virtual_size += bytes;
    const auto found = std::find_if(booked.shares.begin(), booked.shares.end(),
                                    [&](const auto& s) { return s.first == piece.account; });
    if (found != booked.shares.end()) {
      found->second.bytes += bytes;
    } else {
      booked.shares.push_back({piece.account, {bytes, piece.evidence}});
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
    if (bytes > 0_B) booked_[index].measure.add(flags, bytes);
  }
}

std::vector<MappingEntry> MappingBook::finish(const Chart& chart) {
  booked_.resize(mappings_.size());
  std::vector<MappingEntry> entries;
  entries.reserve(booked_.size());
  for (const Booked& booked : booked_) {
    MappingEntry entry;
    entry.measure = booked.measure;
    const auto widest = std::max_element(
        booked.shares.begin(), booked.shares.end(),
        [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
    if (widest != booked.shares.end()) {
      entry.purpose = widest->first;
      entry.evidence = widest->second.evidence;
      const auto covered = [&](AccountId account) {
        Bytes sum;
        for (const auto& [other, share] : booked.shares) {
          if (chart.is_under(other, account)) sum += share.bytes;
        }
        return share_of(sum, booked.measure.virtual_size);
      };
      while (covered(entry.purpose) < kNearlyAll) entry.purpose = chart.parent(entry.purpose);
      // Shared by unlike things: what most of it is says more than the root does.
      if (entry.purpose == AccountId::kRoot) entry.purpose = widest->first;
    }
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace strata
