// Who holds an anonymous mapping that nothing else explains: the module whose data points to it,
// or the one that it adjoins.
#include <algorithm>
#include <map>

#include "inspect/space/claims.h"

namespace strata {
namespace {

// Writable data is read once, and no more of it than this; a program with more static data than
// that keeps its mappings elsewhere. What is not resident is passed over: .bss may be terabytes.
constexpr Bytes kMostRead = 64_MiB;
constexpr Bytes kWindow = 1_MiB;

struct Orphan {
  Range range;
  const Module* holder = nullptr;  // whose data points into it
  Address pointer;                 // where that pointer stands
  bool exact = false;              // it points to the very start
};

class OwnerSearch {
 public:
  OwnerSearch(const Space& space, const PresentMemory& memory) : space_(space), memory_(memory) {
    for (const Mapping& m : space.mappings) {
      const bool orphan = !m.has_file() && m.name.empty() && !m.shared &&
                          (m.readable || m.writable || m.executable);
      if (orphan) orphans_.push_back({m.range, nullptr, {}, false});
    }
  }

  std::vector<Orphan> find() {
    Bytes read;
    for (const Module& module : space_.modules) {
      for (const Segment& segment : module.segments) {
        if (!segment.writable || orphans_.empty()) continue;
        const auto parts = memory_.present(segment.range);
        if (!parts) continue;
        for (const Range& part : *parts) {
          for (Address at = round_up(part.start, 8_B); at < part.end && read < kMostRead;
               at = at + kWindow) {
            const Range window{at, std::min(at + kWindow, part.end)};
            look_through(module, window);
            read += window.size();
          }
        }
      }
    }
    return std::move(orphans_);
  }

 private:
  /// `window` begins at a multiple of 8.
  void look_through(const Module& module, Range window) {
    const Address from = window.start;
    words_.assign(window.size().value / 8, 0);
    if (words_.empty() || !memory_.read(from, std::as_writable_bytes(std::span(words_)))) return;
    const Range all{orphans_.front().range.start, orphans_.back().range.end};
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const Address value{words_[i]};
      if (all.contains(value)) note(module, from + Bytes{i * 8}, value);
    }
  }

  void note(const Module& module, Address where, Address value) {
    auto next = std::upper_bound(orphans_.begin(), orphans_.end(), value,
                                 [](Address a, const Orphan& o) { return a < o.range.start; });
    if (next == orphans_.begin()) return;
    Orphan& orphan = *--next;
    if (!orphan.range.contains(value)) return;
    const bool exact = value == orphan.range.start;
    // A module's own .bss may be anonymous too; that it points into itself says nothing.
    if (module.range.contains(orphan.range)) return;
    if (orphan.holder != nullptr && (orphan.exact || !exact)) return;
    orphan.holder = &module;
    orphan.pointer = where;
    orphan.exact = exact;
  }

  const Space& space_;
  const PresentMemory& memory_;
  std::vector<Orphan> orphans_;
  std::vector<std::uint64_t> words_;
};

/// The module that ends, rounded to pages, where the mapping begins, or begins where it ends.
const Module* neighbour(const Space& space, Range range) {
  for (const Module& module : space.modules) {
    if (round_up(module.range.end, page_size()) == range.start || module.range.start == range.end) {
      return &module;
    }
  }
  return nullptr;
}

}  // namespace

std::vector<Claim> claim_by_owner(const Space& space, const PresentMemory& memory, Chart& chart) {
  const AccountId anonymous = chart.open({"mapped", "anonymous"});
  std::vector<Claim> claims;
  for (const Orphan& orphan : OwnerSearch(space, memory).find()) {
    if (orphan.holder != nullptr) {
      const char* const target = orphan.exact ? "its start" : "it";
      claims.push_back(
          {orphan.range, chart.open(anonymous, "held by " + orphan.holder->name),
           chart.because(fmt::format("a pointer in {}'s data at {:#x} leads to {}",
                                     orphan.holder->name, orphan.pointer.value, target)),
           Rank::kOwner});
    } else if (const Module* const module = neighbour(space, orphan.range)) {
      claims.push_back({orphan.range, chart.open(anonymous, "beside " + module->name),
                        chart.because("it adjoins the module without a gap"), Rank::kOwner});
    }
  }
  return claims;
}

}  // namespace strata
