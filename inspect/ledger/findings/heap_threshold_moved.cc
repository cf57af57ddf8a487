// The mmap threshold has moved up: blocks that had mappings of their own come from the heap now.
// Source  glibc malloc/malloc.c (free: "dynamic brk/mmap threshold"), mallopt(3).
#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"
#include "inspect/ledger/findings/heap_shares.h"

namespace strata {
namespace {

constexpr Bytes kDefault = 128_KiB;  // of both thresholds, at first
// Live blocks in the heap are a danger to come, not a cost: worth a line where they are a quarter
// of all that the process holds.
constexpr std::uint64_t kLeastShare = 4;

struct Large {
  std::uint64_t live_chunks = 0;
  Bytes live, free;
};

Large large_chunks(const glibc::Tally& tally) {
  Large large;
  const auto sizes = tally.sizes();
  for (auto it = sizes.lower_bound(kDefault); it != sizes.end(); ++it) {
    const auto& [size, states] = *it;
    const auto live = states[static_cast<std::size_t>(glibc::ChunkState::kLive)];
    large.live_chunks += live;
    large.live += size * live;
    large.free += size * states[static_cast<std::size_t>(glibc::ChunkState::kBinned)];
  }
  return large;
}

}  // namespace

std::optional<Finding> check_heap_threshold_moved(const Explanation& e) {
  if (e.glibc == nullptr || !e.glibc->heap.parameters) return std::nullopt;
  const glibc::Parameters& parameters = *e.glibc->heap.parameters;
  if (!parameters.thresholds_move || parameters.mmap_threshold <= kDefault) return std::nullopt;
  const HeapFigures heap = heap_figures(e);
  const Large large = large_chunks(e.glibc->tally);
  const Bytes live = resident_at_least(large.live, heap.all.live_bytes, heap.all.live_resident);
  Bytes free = resident_at_least(large.free, heap.all.binned.bytes, heap.all.binned.resident);
  // What the first threshold would have left at the top is not at stake.
  for (const ArenaFigures& f : heap.arenas) free += saturating_sub(f.top.resident, kDefault * 2);
  const bool costs = is_worth_a_line(free, e);
  if (!costs && (!is_worth_a_line(live, e) || live * kLeastShare < held(e))) return std::nullopt;
  Finding finding;
  finding.kind = costs ? Finding::Kind::kCosts : Finding::Kind::kExplains;
  finding.bytes = live + free;
  finding.text = fmt::format(
      "In the heap in blocks of {} and more: {} live in {}, {} free and resident, in holes or at "
      "the tops. A freed block of {} has moved mmap_threshold there: smaller ones no longer get a "
      "mapping that free() gives back. The top is trimmed above {} (trim_threshold).",
      humanised(kDefault), humanised(live), counted(large.live_chunks, "chunk"), humanised(free),
      humanised(parameters.mmap_threshold), humanised(parameters.trim_threshold));
  finding.action = fmt::format(
      "Fix it: GLIBC_TUNABLES=glibc.malloc.mmap_threshold={0}, or mallopt(M_MMAP_THRESHOLD, {0}). "
      "Each such block then costs an mmap, an munmap and a fault for every page, at each use.",
      kDefault.value);
  finding.saves =
      costs ? fmt::format(
                  "At most {} now; nothing of holes that small blocks left, which joined: whose "
                  "they are is not known.",
                  humanised(free))
            : std::string(
                  "Nothing now: what is live would be resident all the same, and would go "
                  "back when it is freed.");
  return finding;
}

}  // namespace strata
