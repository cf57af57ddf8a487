#include "inspect/ledger/stocktaking.h"

#include "base/thread.h"
#include "inspect/ledger/mapping_book.h"
#include "inspect/ledger/survey.h"
#include "inspect/page/lazily_freed.h"

namespace strata {
namespace {

// Reading page flags takes some 70 ms a GiB; a mapping larger than this keeps its sum alone.
constexpr Bytes kMostLookedThrough = 4_GiB;

// 16 bytes each; beyond it what is compared with relatives is less, and said to be.
constexpr std::size_t kMostRangesKept = 4'000'000;

// Runs of pages that wait for the target to run again: 24 MB. A process of 4 GiB has no more if
// each page of it is in another state than the next.
constexpr std::size_t kMostWaiting = 1'000'000;

// Of less the memory that reading a heap takes is had in no time.
constexpr Bytes kLeastReady = 256_MiB;

/// Joins `range` to the last of `ranges`, which come by address.
void add_range(std::vector<Range>& ranges, Range range) {
  if (!ranges.empty() && ranges.back().end == range.start) {
    ranges.back().end = range.end;
  } else if (ranges.size() < kMostRangesKept) {
    ranges.push_back(range);
  }
}

/// How much of the ranges that are scanned lies before an address.
class Position {
 public:
  explicit Position(const std::vector<ScanRange>& ranges) : ranges_(ranges) {
    for (const ScanRange& range : ranges) all_ += range.range.size();
  }

  /// Addresses must rise from call to call.
  double share_before(Address address) {
    for (; next_ < ranges_.size() && ranges_[next_].range.end <= address; ++next_) {
      done_ += ranges_[next_].range.size();
    }
    Bytes here = done_;
    if (next_ < ranges_.size() && ranges_[next_].range.start < address) {
      here += address - ranges_[next_].range.start;
    }
    return static_cast<double>(here.value) / static_cast<double>(std::max(all_, 1_B).value);
  }

 private:
  const std::vector<ScanRange>& ranges_;
  std::size_t next_ = 0;
  Bytes done_, all_;
};

}  // namespace

Sweep::Book book_into(Ledger& ledger, MappingBook& mappings) {
  return {[&](const Claim& piece) {
            ledger.book_mapped(piece);
            mappings.book_mapped(piece);
          },
          [&](const Claim& piece, Range part, PageFlags flags) {
            ledger.book_pages(piece, part, flags);
            mappings.book_pages(piece, part, flags);
          }};
}

ClaimSources adopt(Explanation& explanation, Survey survey) {
  explanation.space = std::move(survey.space);
  explanation.glibc = std::move(survey.glibc);
  explanation.strata_malloc = std::move(survey.strata_malloc);
  std::move(survey.notes.begin(), survey.notes.end(), std::back_inserter(explanation.notes));
  explanation.moment.memory_read += survey.memory_read;
  return {std::move(survey.claims), std::move(survey.walks)};
}

void end_walks(Explanation& explanation, ClaimSources& claims) {
  ClaimSources::Remarks remarks = claims.end_walks();
  explanation.moment.memory_read += remarks.bytes_read;
  std::move(remarks.notes.begin(), remarks.notes.end(), std::back_inserter(explanation.notes));
}

void Stocktaking::prepare() {
  usage_.read_beforehand();
  fill_shelf(PresentMemory(target_, &scanner_), shelf_);
  // What is kept of free chunks takes 12 bytes each, and a bit for each granule of a heap.
  const Bytes anonymous = e_.moment.before.resident_anonymous.value_or(0_B);
  if (anonymous >= kLeastReady) ready_.emplace(spare_memory(Bytes{anonymous.value / 64}));
}

Result<void> Stocktaking::take(const std::vector<Thread>& frozen) {
  const bool stands = !frozen.empty();
  if (stands) {
    shelf_.close();
  } else {
    progress_ = options_.progress;
  }
  const PresentMemory memory(target_, &scanner_,
                             stands ? PresentMemory::Pages::kStand : PresentMemory::Pages::kMove);
  const std::size_t notes_before = e_.notes.size();
  for (e_.moment.tries = 1;; ++e_.moment.tries) {
    // A target that runs may have mapped more since its mappings were listed.
    if (e_.moment.tries == 1 || !stands) {
      e_.notes.resize(notes_before);
      if (auto surveyed = survey(memory, frozen); !surveyed) return surveyed;
      if (stands) {
        begin_settling();
      } else {
        claims_->settle();
      }
    }
    auto scanned = scan(stands);
    end_settling();
    if (!scanned) return scanned;
    if (e_.moment.tries >= options_.most_tries || is_settled(stands)) break;
  }
  shelf_.open();
  return {};
}

void Stocktaking::begin_settling() {
  settling_ = start_thread([this] { claims_->settle(); });
  if (!settling_.joinable()) claims_->settle();
}

void Stocktaking::end_settling() {
  if (settling_.joinable()) settling_.join();
}

void Stocktaking::finish() {
  ready_.reset();
  if (lets_wait_ || booking_) finish_booking();
  end_walks(e_, *claims_);
}

Stocktaking::Booking::Booking(ClaimSources& sources, Explanation& e)
    : claims(sources.all()),
      mappings(e.space.mappings, e.ledger.chart()),
      sweep(claims, book_into(e.ledger, mappings)) {}

void Stocktaking::put(const PageRun& run) {
  if (!lets_wait_) return book(run);
  waiting_.push_back(run);
  if (waiting_.size() < kMostWaiting) return;
  lets_wait_ = false;
  for (const PageRun& waited : std::exchange(waiting_, {})) book(waited);
}

void Stocktaking::book(const PageRun& run) {
  if (!booking_) {
    end_settling();
    booking_.emplace(*claims_, e_);
  }
  booking_->sweep.add(run);
  keep(run);
}

void Stocktaking::finish_booking() {
  lets_wait_ = false;
  for (const PageRun& waited : std::exchange(waiting_, {})) book(waited);
  if (!booking_) booking_.emplace(*claims_, e_);
  booking_->sweep.finish();
  e_.mappings = booking_->mappings.finish();
  booking_.reset();
  if (e_.runs.size() == kMostRunsKept) {
    e_.notes.push_back(fmt::format("only the first {} runs of pages are listed", kMostRunsKept));
  }
}

bool Stocktaking::is_settled(bool stands) const {
  const Moment& m = e_.moment;
  if (m.resident_before != m.resident_after) return false;
  return stands || !resident_is_exact() || e_.ledger.sum().resident == m.resident_after;
}

Result<void> Stocktaking::survey(const PresentMemory& memory, const std::vector<Thread>& frozen) {
  auto survey = take_survey(memory, frozen, e_.ledger.chart(), shelf_, options_.heaps);
  if (!survey) return pass(survey);
  claims_.emplace(adopt(e_, std::move(*survey)));
  claims_->read(progress_);
  if (e_.moment.tries > 1) e_.usage.clear();
  usage_.read_if_worth_it(progress_);
  plan_ = plan_scan(target_, e_);
  return {};
}

Result<void> Stocktaking::scan(bool stands) {
  e_.ledger.clear();
  e_.runs.clear();
  pages_ = {};
  waiting_.clear();
  booking_.reset();
  lets_wait_ = stands;
  auto before = read_status(target_);
  if (!before) return pass(before);
  e_.moment.resident_before = before->resident;
  Position position(plan_.ranges);
  std::size_t runs = 0;
  const auto see = [&](const PageRun& run) {
    put(run);
    if (progress_ && (++runs % 256 == 0 || run.range.size() > 1_GiB)) {
      progress_("scanning pages", position.share_before(run.range.end));
    }
  };
  auto hidden = plan_.hidden.begin();
  const auto put_hidden = [&](Address until) {
    for (; hidden != plan_.hidden.end() && hidden->start < until; ++hidden) {
      PageRun unknown{*hidden, {}};
      unknown.flags.set(PageFlag::kUnknown);
      see(unknown);
    }
  };
  auto scanned = scanner_.scan(plan_.ranges, [&](const PageRun& run) {
    put_hidden(run.range.start);
    see(run);
  });
  put_hidden(Address{~0ull});
  if (!scanned) return scanned;
  if (!stands) finish_booking();
  auto after = read_counters(target_);
  if (!after) return pass(after);
  e_.moment.after = *after;
  e_.moment.resident_after = after->resident;
  return {};
}

void Stocktaking::book_lazily_freed() {
  // Page flags cannot tell a page that was written again since, so they count only where they agree
  // with smaps on the mapping.
  if (!e_.means.page_flags) return;
  std::vector<Range> freed;
  for (const MappingUsage& u : e_.usage) {
    if (u.lazily_freed == 0_B || u.resident > kMostLookedThrough) continue;
    auto found = find_lazily_freed(target_, scanner_, u.range);
    Bytes sum;
    for (const Range& range : found ? *found : std::vector<Range>{}) sum += range.size();
    if (sum == u.lazily_freed) freed.insert(freed.end(), found->begin(), found->end());
  }
  if (freed.empty()) return;
  // By regions of heaps, not by their blocks: walks are over, and no heap of those frees lazily.
  Sweep sweep(claims_->stored(),
              {[](const Claim&) {}, [&](const Claim& piece, Range part,
                                        PageFlags) { e_.ledger.book_lazily_freed(piece, part); }});
  for (const Range& range : freed) sweep.add({range, {}});
}

void Stocktaking::keep(const PageRun& run) {
  if (run.anonymous() && notes_anonymous_) add_range(pages_.anonymous, run.range);
  if (run.anonymous() && run.flags.has(PageFlag::kHuge)) add_range(pages_.huge, run.range);
  if (options_.runs == ExplainOptions::Runs::kKeep && e_.runs.size() < kMostRunsKept) {
    e_.runs.push_back(run);
  }
}

}  // namespace strata
