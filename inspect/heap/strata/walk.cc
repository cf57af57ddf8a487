#include "inspect/heap/strata/walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace strata::strata_malloc {
namespace {

// Of units and runs before the claims that they made are handed out.
constexpr int kAtOnce = 16;
// Each has accounts of its own, and a hostile target has as many as it likes.
constexpr std::size_t kMostNames = 1024;

}  // namespace

const char* account_of(const NamedHeap& heap, std::size_t index) {
  return index < kMostNames ? heap.name.c_str() : "others";
}

Walk::Walk(const HeapScene& scene, std::shared_ptr<Contents> contents)
    : contents_(std::move(contents)),
      stands_(scene.memory.stands()),
      scan_(scene.memory, read_limit(scene.space), *contents_),
      evidence_(scene.chart.because(contents_->table.evidence)),
      mapped_(AnonymousMemory(scene.space).parts(contents_->table.all)) {
  Chart& chart = scene.chart;
  const AccountId strata = chart.open({"heap", "strata"});
  const AccountId lost = chart.open(strata, "not walked");
  for (std::size_t i = 0; i < zones_.size(); ++i) {
    const AccountId own =
        chart.open(strata, contents_->table.zones[i].is_small ? "small blocks" : "medium blocks");
    const AccountId free = chart.open(own, "free");
    zones_[i] = {{chart.open(own, "live"),
                  chart.open(own, "thread caches"),
                  chart.open(own, "never cut"),
                  chart.open(own, "span ends"),
                  {chart.open(free, "releasable"), chart.open(free, "pinned")}},
                 chart.open(own, "free units"),
                 lost};
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
  zone_ = unit_ = word_ = run_ = 0;
  number_ = 0;
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
    for (int i = 0; i < kAtOnce && !is_over_; ++i) is_over_ = !play_on();
  }
  if (taken_ >= ready_.size()) return false;
  claim = ready_[taken_++];
  return true;
}

/// The next unit or run; false at the end. Zones come by address, and runs behind them or before.
bool Walk::play_on() {
  const Contents& c = *contents_;
  const Table& table = c.table;
  if (zone_ < table.zones.size()) {
    const Zone& zone = table.zones[zone_];
    const bool is_here = number_ < c.units[zone_];
    if (!is_here) {
      ++zone_;
      number_ = zone_ == table.zones.size() ? 1 : 0;
      return true;
    }
    // Units stand in the tape zone after zone; numbers begin anew with each.
    const bool has_record = unit_ < c.tape.units() && c.tape.unit(unit_).number == number_ &&
                            unit_ < c.ends_of_zones[zone_];
    if (has_record) {
      play_unit(c.tape.unit(unit_++));
      ++number_;
      return true;
    }
    const std::uint64_t until =
        unit_ < c.ends_of_zones[zone_] ? c.tape.unit(unit_).number : c.units[zone_];
    emit({zone.address_of(number_), zone.address_of(until)}, zones_[zone_].lost);
    number_ = until;
    return true;
  }
  if (run_ < c.tape.runs()) {
    play_run(c.tape.run(run_++));
    return true;
  }
  if (number_ < c.pages) {
    emit({table.runs.address_of(number_), table.runs.address_of(c.pages)}, lost_runs_);
    number_ = c.pages;
  }
  return false;
}

void Walk::play_run(const Run& run) {
  const Runs& runs = contents_->table.runs;
  const Range range{runs.address_of(number_), runs.address_of(number_ + run.pages)};
  number_ += run.pages;
  switch (run.kind) {
    case RunKind::kLive:
      return emit(range, run.heap == 0 ? live_runs_ : heaps_[run.heap - 1U].runs);
    case RunKind::kDirty:
      return emit(range, dirty_runs_);
    case RunKind::kClean:
      return emit(range, clean_runs_);
    case RunKind::kLost:
      return emit(range, lost_runs_);
  }
}

void Walk::play_unit(const Unit& unit) {
  const Zone& zone = contents_->table.zones[zone_];
  const Range whole{zone.address_of(unit.number), zone.address_of(unit.number + std::uint64_t{1})};
  switch (unit.kind) {
    case UnitKind::kFree:
      return emit(whole, zones_[zone_].units);
    case UnitKind::kLost:
      return emit(whole, zones_[zone_].lost);
    case UnitKind::kSpan:
    case UnitKind::kMixedSpan:
      return put_span(zone_, unit);
  }
}

void Walk::put_span(std::size_t of, const Unit& unit) {
  const Table& table = contents_->table;
  const Zone& zone = table.zones[of];
  const SpanAccounts& accounts = unit.heap == 0 ? zones_[of].spans : heaps_[unit.heap - 1U].spans;
  const Bytes size = table.class_sizes[unit.size_class];
  const std::uint64_t count = table.blocks_of(zone, unit.size_class);
  const Address start = zone.address_of(unit.number);
  const bool is_mixed = unit.kind == UnitKind::kMixedSpan;
  const auto block = [&](std::uint64_t i) {
    return is_mixed ? contents_->tape.block(word_, i) : unit.all;
  };
  const Address end = start + zone.unit();
  // Behind the last block in use all whole pages can be given back: free, never cut, and the rest.
  bool has_blocks = false;
  std::uint64_t used = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const BlockState state = block(i);
    const bool is_used = state == BlockState::kLive || state == BlockState::kCached;
    if (is_used) used = i + 1;
    has_blocks |= !is_used;
  }
  const Address unused = has_blocks ? round_up(start + size * used, page_size()) : end;
  for (std::uint64_t first = 0; first < count;) {
    const BlockState state = block(first);
    std::uint64_t last = is_mixed ? first + 1 : count;
    while (last < count && block(last) == state) ++last;
    const Range range{start + size * first, std::min(start + size * last, unused)};
    if (range.start >= unused) break;
    switch (state) {
      case BlockState::kLive:
        emit(range, accounts.live);
        break;
      case BlockState::kCached:
        emit(range, accounts.cached);
        break;
      case BlockState::kUncut:
        emit(range, accounts.uncut);
        break;
      case BlockState::kFree:
        put_free(range, accounts);
        break;
    }
    first = last;
  }
  emit({std::min(start + size * count, unused), unused}, accounts.ends);
  emit({unused, end}, accounts.free.releasable);
  if (is_mixed) word_ += Tape::words_for(count);
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

std::vector<std::string> Walk::notes() const {
  const Tally& tally = contents_->tally;
  std::vector<std::string> notes;
  if (tally.odd > 0) {
    notes.push_back(fmt::format(
        "{} states of blocks of the Strata malloc's are none of their span's: {}", tally.odd,
        stands_ ? "they were written over, or are not in memory (swapped out)"
                : "it ran while it was read, or they are not in memory (swapped out)"));
  }
  if (tally.lost > 0_B) {
    notes.push_back(fmt::format(
        "{} of the Strata malloc's heap could not be walked: what is known of it is not in memory "
        "(swapped out, or left out of a core){}",
        size_text(tally.lost), stands_ ? "" : ", or changed while it was read"));
  }
  if (tally.is_cut) {
    notes.push_back(
        "the Strata malloc's heap is larger than what is read of a target for it: the rest counts "
        "as not walked");
  }
  if (!contents_->table.has_all_arenas) {
    notes.push_back("the Strata malloc's list of arenas does not come to an end");
  }
  if (!contents_->table.named.is_whole) {
    notes.push_back("the Strata malloc's list of named heaps does not come to an end");
  }
  return notes;
}

}  // namespace strata::strata_malloc
