#include "inspect/heap/strata/walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace strata::strata_malloc {
namespace {

// Of parts before the claims that they made are handed out.
constexpr int kAtOnce = 16;
// Each has accounts of its own, and a hostile target has as many as it likes.
constexpr std::size_t kMostNames = 1024;

}  // namespace

const char* account_of(const NamedHeap& heap, std::size_t place) {
  return place < kMostNames ? heap.name.c_str() : "others";
}

Walk::Walk(const HeapScene& scene, std::shared_ptr<Contents> contents)
    : contents_(std::move(contents)),
      stands_(scene.memory.stands()),
      scan_(scene.memory, read_limit(scene.space), *contents_, scene.depth),
      evidence_(scene.chart.because(contents_->table.evidence)),
      player_(*contents_),
      mapped_(AnonymousMemory(scene.space).parts(contents_->table.all)) {
  Chart& chart = scene.chart;
  const AccountId strata = chart.open({"heap", "strata"});
  const AccountId lost = chart.open(strata, "not walked");
  for (std::size_t i = 0; i < zones_.size(); ++i) {
    const AccountId own =
        chart.open(strata, contents_->table.zones[i].is_small ? "small blocks" : "medium blocks");
    const AccountId free = chart.open(own, "free");
    const AccountId units = chart.open(own, "free units");
    zones_[i] = {{chart.open(own, "live"),
                  chart.open(own, "thread caches"),
                  chart.open(own, "never cut"),
                  chart.open(own, "span ends"),
                  {chart.open(free, "releasable"), chart.open(free, "pinned")}},
                 chart.open(units, "releasable"),
                 chart.open(units, "given back")};
  }
  const AccountId runs = chart.open(strata, "runs of pages");
  const AccountId free = chart.open(runs, "free");
  live_runs_ = chart.open(runs, "live");
  dirty_runs_ = chart.open(free, "releasable");
  clean_runs_ = chart.open(free, "given back");
  lost_runs_ = lost;
  open_heaps(chart, strata);
}

/// Heaps of one name share its accounts.
void Walk::open_heaps(Chart& chart, AccountId strata) {
  const std::vector<NamedHeap>& named = contents_->table.named.heaps;
  if (named.empty()) return;
  const AccountId all = chart.open(strata, "named heaps");
  for (std::size_t i = 0; i < named.size(); ++i) {
    const AccountId own = chart.open(all, account_of(named[i], i));
    const AccountId free = chart.open(own, "free");
    const AccountId releasable = chart.open(free, "releasable");
    heaps_.push_back({{chart.open(own, "live"),
                       releasable,
                       chart.open(own, "never cut"),
                       chart.open(own, "span ends"),
                       {releasable, chart.open(free, "pinned")}},
                      chart.open(own, "large blocks")});
  }
}

void Walk::read(const Progress& progress) {
  scan_.read(progress);
  rewind();
}

void Walk::rewind() {
  player_ = Player(*contents_);
  part_ = 0;
  is_over_ = false;
  ready_.clear();
  taken_ = 0;
}

bool Walk::next(Claim& claim) {
  // The last one may yet grow.
  while (taken_ + 1 >= ready_.size() && !is_over_) {
    ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    for (int i = 0; i < kAtOnce && !is_over_; ++i) {
      Part part;
      is_over_ = !player_.next(part);
      if (!is_over_) play(part);
    }
  }
  if (taken_ >= ready_.size()) return false;
  claim = ready_[taken_++];
  return true;
}

void Walk::play(const Part& part) {
  switch (part.kind) {
    case Part::Kind::kSpan:
      return put_span(part);
    case Part::Kind::kFreeUnit: {
      const ZoneAccounts& accounts = zones_[part.zone];
      const bool is_clean = part.unit.kind == UnitKind::kClean;
      return emit(part.range, is_clean ? accounts.clean_units : accounts.dirty_units);
    }
    case Part::Kind::kRun:
      return emit(part.range, account_of_run(part));
    case Part::Kind::kLost:
      return emit(part.range, lost_runs_);
  }
}

AccountId Walk::account_of_run(const Part& run) const {
  switch (run.run) {
    case RunKind::kLive:
      return run.heap ? heaps_[*run.heap].runs : live_runs_;
    case RunKind::kDirty:
      return dirty_runs_;
    case RunKind::kClean:
    case RunKind::kGuard:
      return clean_runs_;
    case RunKind::kLost:
      break;
  }
  return lost_runs_;
}

void Walk::put_span(const Part& span) {
  const SpanAccounts& accounts = span.heap ? heaps_[*span.heap].spans : zones_[span.zone].spans;
  // Behind the last block in use all whole pages can be given back: free, never cut, and the rest.
  std::uint64_t used = 0, unused_blocks = 0;
  player_.each_stretch(span, [&](std::uint64_t first, std::uint64_t end, BlockState state) {
    const bool is_used = state == BlockState::kLive || state == BlockState::kCached;
    if (is_used) used = end;
    if (!is_used) unused_blocks += end - first;
  });
  const Address unused =
      unused_blocks > 0 ? round_up(span.range_of_blocks(0, used).end, page_size()) : span.range.end;
  player_.each_stretch(span, [&](std::uint64_t first, std::uint64_t end, BlockState state) {
    Range range = span.range_of_blocks(first, end);
    range.end = std::min(range.end, unused);
    if (range.empty()) return;
    switch (state) {
      case BlockState::kLive:
        return emit(range, accounts.live);
      case BlockState::kCached:
        return emit(range, accounts.cached);
      case BlockState::kUncut:
        return emit(range, accounts.uncut);
      case BlockState::kFree:
        return put_free(range, accounts);
    }
  });
  emit({std::min(span.range_of_blocks(0, span.blocks).end, unused), unused}, accounts.ends);
  emit({unused, span.range.end}, accounts.free.releasable);
}

void Walk::put_free(Range free, const SpanAccounts& accounts) {
  const Range pages{round_up(free.start, page_size()), round_down(free.end, page_size())};
  if (pages.empty()) return emit(free, accounts.free.pinned);
  emit({free.start, pages.start}, accounts.free.pinned);
  emit(pages, accounts.free.releasable);
  emit({pages.end, free.end}, accounts.free.pinned);
}

/// Ranges come by address.
void Walk::emit(Range range, AccountId account) {
  while (part_ < mapped_.size() && mapped_[part_].end <= range.start) ++part_;
  for (std::size_t i = part_; i < mapped_.size() && mapped_[i].start < range.end; ++i) {
    emit_mapped(intersection(mapped_[i], range), account);
  }
}

void Walk::emit_mapped(Range range, AccountId account) {
  if (range.empty()) return;
  if (!ready_.empty() && taken_ < ready_.size() && ready_.back().account == account &&
      ready_.back().range.end == range.start) {
    ready_.back().range.end = range.end;
    return;
  }
  ready_.push_back({range, account, evidence_, Rank::kBlock});
}

std::vector<std::string> Walk::notes() const { return notes_on(*contents_, stands_); }

}  // namespace strata::strata_malloc
