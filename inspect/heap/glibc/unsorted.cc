#include "inspect/heap/glibc/unsorted.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace strata::glibc {

void Unsorted::begin() {
  kept_.clear();
  regions_.clear();
  is_cut_ = false;
}

void Unsorted::settle() {
  stood_.clear();
  for (const Arena& arena : heap_.arenas) {
    stood_.push_back(memory_.value<std::uint64_t>(arena.state + arena.layout.bins) ==
                     arena.unsorted.value);
  }
}

void Unsorted::follow(Tally& tally) {
  std::vector<bool> seen(kept_.size());
  for (std::size_t i = 0; i < heap_.arenas.size(); ++i) {
    const Arena& arena = heap_.arenas[i];
    std::uint32_t next = ground_.number_of(arena.unsorted).value_or(kNowhere);
    std::size_t from = kept_.size();
    while (next != kNowhere) {
      const std::size_t at = kept_.find(next);
      if (at == kept_.size()) break;  // moved meanwhile, or what the walk found damaged
      const bool is_foreign = arena_of(at) != i;
      if (is_foreign || seen[at]) {
        if (stood_[i]) {
          report(arena, from == kept_.size() ? next : kept_[from].chunk, next,
                 is_foreign ? "leads to another arena's chunk" : "leads back to the chunk");
        }
        break;
      }
      seen[at] = true;
      tally.move_to_unsorted(i, Ground::kGranule * kept_[at].size);
      from = at;
      next = kept_[at].forth;
    }
  }
}

std::size_t Unsorted::arena_of(std::size_t kept) const {
  const auto behind = std::upper_bound(regions_.begin(), regions_.end(), kept,
                                       [](std::size_t k, const Region& r) { return k < r.first; });
  return std::prev(behind)->arena;
}

void Unsorted::report(const Arena& arena, std::uint32_t from, std::uint32_t to,
                      const char* how) const {
  const Address chunk = ground_.address_of(from);
  heap_.report(arena, {chunk + kHeader,
                       fmt::format("{}, unsorted bin: it {} at {:#x}", arena.name, how,
                                   ground_.address_of(to).value),
                       "a block was written to after it was freed",
                       chunk,
                       {}});
}

std::optional<std::string> Unsorted::note() const {
  if (!is_cut_) return std::nullopt;
  return fmt::format(
      "of more than {} free chunks the last ones count in the bin for their size, be they unsorted "
      "still",
      kMost);
}

}  // namespace strata::glibc
