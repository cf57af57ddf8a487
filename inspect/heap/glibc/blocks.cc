#include "inspect/heap/glibc/blocks.h"

#include <fmt/format.h>

#include <algorithm>

namespace strata::glibc {
namespace {

// What mtrim() leaves at the front of a free run: its header and its links.
constexpr Bytes kKeptInFront = 48_B;
// Chunks played before the claims that they made are handed out.
constexpr std::size_t kAtOnce = 256;
// A run that is longer is cut; a page at the cut then counts as pinned.
constexpr std::size_t kLongestRun = 1 << 16;

// Between two calls of Progress: a thousandth of a second.
constexpr std::uint64_t kPassedUntilTold = 1 << 15;

double share(Bytes part, Bytes whole) {
  return static_cast<double>(part.value) / static_cast<double>(whole.value);
}

/// The whole pages that mtrim() would give back of a free run.
Range releasable_part(Range run) {
  const Bytes page = page_size();
  const Range none{run.end, run.end};
  if (run.size() <= page - 1_B + kKeptInFront) return none;
  const Address from = round_up(run.start + kKeptInFront, page);
  const Address end = round_down(run.end, page);
  return end > from ? Range{from, end} : none;
}

}  // namespace

Blocks::Blocks(const HeapScene& scene, std::shared_ptr<Contents> contents)
    : contents_(std::move(contents)),
      window_(scene.memory),
      watch_(contents_->heap),
      fast_(scene.memory, contents_->heap),
      unsorted_(scene.memory, contents_->heap),
      stands_(scene.memory.stands()),
      before_(contents_->heap.reported()) {
  if (scene.depth == HeapScene::Depth::kCheck) {
    bin_check_.emplace(scene.memory, contents_->heap);
  }
  Chart& chart = scene.chart;
  const AccountId glibc = chart.open({"heap", "glibc"});
  const Heap& heap = contents_->heap;
  for (std::size_t i = 0; i < heap.arenas.size(); ++i) {
    const Arena& arena = heap.arenas[i];
    const AccountId own = chart.open(glibc, arena.name);
    const auto open_free = [&](const char* name) {
      const AccountId account = chart.open(own, name);
      return Accounts::Free{chart.open(account, "releasable"), chart.open(account, "pinned")};
    };
    accounts_.push_back({chart.open(own, "live"), chart.open(own, "thread caches"),
                         chart.open(own, "structures"), chart.open(own, "reserved"),
                         chart.open(own, "not walked"), open_free("fast bins"), open_free("free"),
                         open_free("top")});
    for (const Region& region : arena.regions) {
      const Mapping* const mapping = scene.space.find_mapping(region.chunks.end - 1_B);
      const bool ends_with_brk = mapping != nullptr && mapping->is_labelled("[heap]") &&
                                 mapping->range.end == region.chunks.end;
      places_.push_back({i, &region, chart.because(region.evidence),
                         arena.is_main && ends_with_brk && arena.is_contiguous});
    }
  }
  std::sort(places_.begin(), places_.end(),
            [](const Place& a, const Place& b) { return a.region->range < b.region->range; });
}

void Blocks::rewind() {
  place_ = 0;
  player_.emplace(contents_->chunks());
  is_open_ = false;
  run_.clear();
  ready_.clear();
  taken_ = 0;
  contents_->tally = Tally(contents_->heap.arenas.size());
}

void Blocks::read(const Progress& progress) {
  Heap& heap = contents_->heap;
  heap.forget_since(before_);
  heap.searched = 0;
  heap.not_resident = {};
  contents_->tape = ChunkTape();
  window_.forget();
  fast_.begin();
  unsorted_.begin();
  if (bin_check_) bin_check_->begin();
  Bytes all, done;
  for (const Place& place : places_) all += place.region->chunks.size();
  std::uint64_t count = 0;
  for (const Place& place : places_) {
    const Region& region = *place.region;
    contents_->tape.begin(place.arena, region.chunks.start);
    unsorted_.begin_region(place.arena);
    if (bin_check_) bin_check_->begin_region();
    ChunkWalk walk(window_, heap, heap.arenas[place.arena], region);
    for (Chunk chunk; walk.next(chunk);) {
      contents_->tape.pass(chunk);
      if (chunk.state == ChunkState::kLive) fast_.pass(chunk, walk.first_word());
      if (chunk.state == ChunkState::kBinned) unsorted_.pass(chunk, Address{walk.first_word()});
      if (bin_check_) bin_check_->pass(place.arena, chunk, window_);
      if (progress && ++count % kPassedUntilTold == 0) {
        progress("walking the heap", share(done + (chunk.range.end - region.chunks.start), all));
      }
    }
    done += region.chunks.size();
  }
}

void Blocks::settle() {
  fast_.follow();
  unsorted_.settle();
  if (bin_check_ && !stands_) bin_check_->leave_out_moved();
  rewind();
}

bool Blocks::next(Claim& claim) {
  // The last one may yet grow.
  while (taken_ + 1 >= ready_.size()) {
    if (taken_ > 0) {
      ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(taken_));
      taken_ = 0;
    }
    if (is_open_) {
      play_on();
    } else if (place_ < places_.size()) {
      open_region();
    } else {
      break;
    }
  }
  if (taken_ >= ready_.size()) return false;
  claim = ready_[taken_++];
  return true;
}

/// Some more chunks of the region.
void Blocks::play_on() {
  const Address end = places_[place_].region->chunks.end;
  ChunkTape::Entry entry;
  for (std::size_t i = 0; i < kAtOnce && at_ < end; ++i) {
    if (player_->next(entry)) {
      put(entry.chunk);
      at_ = entry.chunk.range.end;
    } else {
      // The tape is full.
      put({{at_, end}, ChunkState::kLost});
      at_ = end;
    }
  }
  if (at_ >= end) close_region();
}

void Blocks::open_region() {
  const Place& place = places_[place_];
  const Region& region = *place.region;
  emit({region.range.start, region.chunks.start}, accounts_[place.arena].structures);
  last_ = {};
  at_ = region.chunks.start;
  is_open_ = true;
  watch_.begin(region);
}

void Blocks::close_region() {
  const Place& place = places_[place_];
  end_run(
      run_.empty() ? Range{} : releasable_part({run_.front().range.start, run_.back().range.end}),
      {});
  emit({place.region->chunks.end, place.region->range.end}, accounts_[place.arena].reserved);
  is_open_ = false;
  ++place_;
}

void Blocks::put(const Chunk& chunk) {
  const std::size_t arena = places_[place_].arena;
  Tally& tally = contents_->tally;
  tally.add(arena, chunk, contents_->heap);
  watch_.pass(chunk);
  if (chunk.state == ChunkState::kBinned || chunk.state == ChunkState::kFast) {
    if (run_.size() >= kLongestRun) {
      end_run(releasable_part({run_.front().range.start, run_.back().range.end}), chunk);
    }
    if (run_.empty()) before_run_ = last_;
    run_.push_back(chunk);
    last_ = chunk;
    return;
  }
  if (chunk.state == ChunkState::kTop) {
    put_top(chunk);
    last_ = chunk;
    return;
  }
  if (!run_.empty()) {
    end_run(releasable_part({run_.front().range.start, run_.back().range.end}), chunk);
  }
  const Accounts& accounts = accounts_[arena];
  switch (chunk.state) {
    case ChunkState::kLive:
      emit(chunk.range, accounts.live);
      break;
    case ChunkState::kCached:
      emit(chunk.range, accounts.cached);
      break;
    case ChunkState::kFence:
      emit(chunk.range, accounts.structures);
      break;
    default:
      emit(chunk.range, accounts.lost);
  }
  last_ = chunk;
}

void Blocks::put_top(const Chunk& chunk) {
  const Place& place = places_[place_];
  // A run that ends at the top has a fast chunk there, with which it becomes a part of the top.
  const Range joined{run_.empty() ? chunk.range.start : run_.front().range.start, chunk.range.end};
  Range releasable{joined.end, joined.end};
  if (place.top_is_trimmed) {
    Bytes unit = page_size();
    if (const auto& parameters = contents_->heap.parameters) {
      if (parameters->thp_page > 0_B) unit = parameters->thp_page;
    }
    const Bytes spare = saturating_sub(joined.size(), kSmallestChunk + 1_B);
    releasable.start = joined.end - Bytes{spare.value / unit.value * unit.value};
  }
  end_run(releasable, chunk);
  put_free(chunk.range, accounts_[place.arena].top, releasable);
}

void Blocks::end_run(Range releasable, const Chunk& after) {
  if (run_.empty()) return;
  const Accounts& accounts = accounts_[places_[place_].arena];
  for (const Chunk& chunk : run_) {
    put_free(chunk.range, chunk.state == ChunkState::kFast ? accounts.fast : accounts.binned,
             releasable);
  }
  contents_->tally.add_hole(
      {{run_.front().range.start, run_.back().range.end}, before_run_, after});
  run_.clear();
}

void Blocks::put_free(Range range, const Accounts::Free& accounts, Range releasable) {
  const Range inside = intersection(range, releasable);
  if (inside.empty()) return emit(range, accounts.pinned);
  emit({range.start, inside.start}, accounts.pinned);
  emit(inside, accounts.releasable);
  emit({inside.end, range.end}, accounts.pinned);
}

void Blocks::emit(Range range, AccountId account) {
  if (range.empty()) return;
  if (!ready_.empty() && taken_ < ready_.size() && ready_.back().account == account &&
      ready_.back().range.end == range.start) {
    ready_.back().range.end = range.end;
    return;
  }
  ready_.push_back({range, account, places_[place_].evidence, Rank::kBlock});
}

void Blocks::conclude() {
  if (bin_check_) bin_check_->check();
  unsorted_.follow(contents_->tally);
}

std::vector<std::string> Blocks::notes() const {
  const Heap& heap = contents_->heap;
  std::vector<std::string> notes;
  const auto places = [](const std::vector<Damage>& all) {
    return fmt::format("{} place{}",
                       all.size() == Heap::kMostDamage ? "many" : std::to_string(all.size()),
                       all.size() == 1 ? "" : "s");
  };
  if (!heap.damage.empty()) {
    notes.push_back(fmt::format(
        "glibc's heap does not hold together in {}: {}; strata heap --check {}",
        places(heap.damage), heap.damage.front().what,
        stands_ ? "lists them"
                : "--freeze tells whether that is damage or motion, as it ran while it was read"));
  }
  if (!heap.unfinished.empty()) {
    notes.push_back(fmt::format("in {} glibc's heap was in the middle of an operation: {}",
                                places(heap.unfinished), heap.unfinished.front().what));
  }
  if (heap.not_resident > 0_B) {
    notes.push_back(
        fmt::format("{} of glibc's heap could not be walked: headers there are on pages that are "
                    "not in memory (swapped out, or given back by the program itself)",
                    size_text(heap.not_resident)));
  }
  if (auto note = fast_.note()) notes.push_back(std::move(*note));
  if (auto note = unsorted_.note()) notes.push_back(std::move(*note));
  if (contents_->tape.is_cut()) {
    notes.push_back(
        fmt::format("glibc's heap has more than {} chunks: those behind them count as not walked",
                    contents_->tape.size()));
  }
  if (bin_check_) {
    for (std::string& note : bin_check_->notes()) notes.push_back(std::move(note));
  }
  return notes;
}

}  // namespace strata::glibc
