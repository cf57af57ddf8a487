#include "inspect/ledger/explanation.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>

#include "inspect/ledger/beside.h"
#include "inspect/ledger/scan_plan.h"
#include "inspect/ledger/survey.h"
#include "inspect/ledger/sweep.h"
#include "inspect/ledger/witnesses.h"
#include "inspect/page/lazily_freed.h"
#include "inspect/page/page_scanner.h"
#include "inspect/page/present_memory.h"
#include "inspect/target/core.h"
#include "inspect/target/freeze.h"

namespace strata {
namespace {

// What smaps costs the kernel, measured on Linux 6.18: 65 to 90 ns a resident page of 4 KiB for the
// walk, 3 us a mapping for the text.
constexpr double kWalkSecondsPerPage = 80e-9;
constexpr double kTextSecondsPerMapping = 3e-6;
// A walk that nobody notices: half a gibibyte.
constexpr double kShortWalk = 0.01;

// Reading page flags takes some 70 ms a GiB; a mapping larger than this keeps its sum alone.
constexpr Bytes kMostLookedThrough = 4_GiB;

void append(std::vector<std::string>& to, const std::vector<std::string>& notes) {
  to.insert(to.end(), notes.begin(), notes.end());
}

/// Takes what the survey found into the explanation and hands on the claims.
std::vector<Claim> adopt(Explanation& e, Survey survey) {
  e.space = std::move(survey.space);
  append(e.notes, survey.notes);
  e.moment.memory_read += survey.memory_read;
  return std::move(survey.claims);
}

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

// 16 bytes each; beyond it what is compared with relatives is less, and said to be.
constexpr std::size_t kMostRangesKept = 4'000'000;

/// Joins `range` to the last of `ranges`, which come by address.
void add_range(std::vector<Range>& ranges, Range range) {
  if (!ranges.empty() && ranges.back().end == range.start) {
    ranges.back().end = range.end;
  } else if (ranges.size() < kMostRangesKept) {
    ranges.push_back(range);
  }
}

std::optional<std::uint64_t> read_most_mappings() {
  auto text = read_text(AT_FDCWD, "/proc/sys/vm/max_map_count", 4_KiB);
  std::uint64_t limit = 0;
  if (!text ||
      std::from_chars(text->data(), text->data() + text->size(), limit).ec != std::errc{}) {
    return std::nullopt;
  }
  return limit;
}

class LiveExplainer {
 public:
  LiveExplainer(const Target& target, const Means& means, const ExplainOptions& options)
      : target_(target), options_(options) {
    e_.identity = target.identity();
    e_.means = means;
  }

  Result<Explanation> run() {
    std::optional<Freeze> freeze;
    if (options_.freeze_limit) {
      if (!e_.means.ptrace) {
        return fail(Cause::kUsage, "cannot freeze: STRATA_WITHOUT switches ptrace off");
      }
      // Before anything is read, since what there is of us by now is copied.
      auto prepared = Freeze::prepare(target_);
      if (!prepared) return pass(prepared);
      freeze.emplace(std::move(*prepared));
    }
    auto scanner = PageScanner::open(target_, e_.means);
    if (!scanner) return pass(scanner);
    append(e_.notes, scanner->blind_spots());
    auto before = read_counters(target_);
    if (!before) return pass(before);
    e_.moment.before = *before;
    if (asks_for_smaps() && !fits_while_standing()) read_usage();
    if (e_.means.frames) relatives_ = find_relatives(e_.identity.pid);

    const PresentMemory running(target_, &*scanner);
    if (freeze) {
      fill_shelf(running, shelf_);
      shelf_.close();
      if (auto stopped = freeze->stop(*options_.freeze_limit); !stopped) return pass(stopped);
      append(e_.notes, freeze->not_stopped());
    }
    auto done = take_stock(*scanner, freeze ? freeze->threads() : std::vector<Thread>{});
    ZeroCount zeros(running, std::move(huge_));
    const bool counts = options_.huge_pages == ExplainOptions::HugePages::kCountZero;
    // In the time that the target stands anyway; what is not done by then is read from it running.
    if (counts && done && freeze) zeros.read_while([&] { return freeze->holds(); });
    if (freeze) {
      e_.moment.frozen = freeze->holds();
      if (!e_.moment.frozen) {
        e_.moment.let_go_early = true;
      }
      e_.moment.stood = std::chrono::duration_cast<Duration>(freeze->release());
      if (freeze->stood_at_most()) {
        e_.notes.push_back(
            "the keeper, which holds the target, was killed: the target stood for at most the "
            "time that is shown");
      }
      shelf_.open();
    }
    if (!done) return pass(done);
    book_lazily_freed(*scanner);
    if (counts) {
      zeros.read_while([] { return true; });
      e_.huge_contents = zeros.contents();
      e_.moment.memory_read += zeros.contents().read;
    }
    if (!relatives_.empty()) {
      e_.kinship =
          compare_relatives(target_, std::move(relatives_), anonymous_, options_.most_compared);
    }
    e_.most_mappings = read_most_mappings();
    e_.beside = read_beside(target_, e_.moment.after, e_.space);
    reconcile(e_);
    e_.witnesses = gather_witnesses(target_, options_, e_);
    return std::move(e_);
  }

 private:
  bool asks_for_smaps() const {
    // Without PAGEMAP_SCAN, smaps says which mappings need not be looked through.
    return options_.witnesses != ExplainOptions::Witnesses::kCheap || !e_.means.pagemap_scan;
  }

  double walk_seconds() const {
    const Bytes resident = e_.moment.before.resident.value_or(0_B);
    return static_cast<double>(resident / page_size()) * kWalkSecondsPerPage;
  }

  /// Whether the target may stand while smaps is read, without eating up the limit.
  bool fits_while_standing() const {
    if (!options_.freeze_limit) return true;
    return walk_seconds() < std::chrono::duration<double>(*options_.freeze_limit).count() / 3;
  }

  /// Reads smaps unless its walk would be most of what an explanation costs: many small mappings
  /// are worth it, some large ones are not.
  void read_usage_if_worth_it() {
    if (!e_.usage.empty()) return;
    if (!e_.means.smaps) {
      e_.usage_unread = "this kernel or STRATA_WITHOUT leaves smaps out";
      return;
    }
    const double text = kTextSecondsPerMapping * static_cast<double>(e_.space.mappings.size());
    const bool cheap = walk_seconds() < std::max(kShortWalk, text) && fits_while_standing();
    if (cheap || (asks_for_smaps() && fits_while_standing())) {
      read_usage();
      e_.moment.smaps_while_standing = options_.freeze_limit.has_value();
      return;
    }
    const double cost = 1000 * (walk_seconds() + text);
    e_.usage_unread = fmt::format("costs the kernel about {:.0f} ms: --witnesses all", cost);
    e_.notes.push_back(
        fmt::format("smaps was not read, it would cost about {:.0f} ms; --witnesses all reads it "
                    "and adds what is lazily freed, proportional and locked",
                    cost));
  }

  void read_usage() {
    if (!e_.means.smaps) return;
    auto usage = read_smaps(target_, e_.space.mappings.size() + 1);
    if (usage) {
      e_.usage = std::move(*usage);
    } else {
      e_.usage_unread = usage.error().message;
      e_.notes.push_back("smaps could not be read: " + usage.error().message);
    }
  }

  /// Takes the picture again until VmRSS is the same before and after. A target that runs may have
  /// mapped more since its mappings were listed, so then all of it is taken again.
  Result<void> take_stock(const PageScanner& scanner, const std::vector<Thread>& frozen) {
    const PresentMemory memory(
        target_, &scanner,
        frozen.empty() ? PresentMemory::Pages::kMove : PresentMemory::Pages::kStand);
    const std::size_t notes_before = e_.notes.size();
    for (e_.moment.tries = 1;; ++e_.moment.tries) {
      if (e_.moment.tries == 1 || frozen.empty()) {
        e_.notes.resize(notes_before);
        if (auto surveyed = survey(memory, frozen); !surveyed) return surveyed;
      }
      if (auto scanned = scan(scanner); !scanned) return scanned;
      if (e_.moment.tries >= options_.most_tries || settled(frozen.empty())) return {};
    }
  }

  bool settled(bool running) const {
    const Moment& m = e_.moment;
    if (m.resident_before != m.resident_after) return false;
    return !running || !resident_is_exact() || e_.ledger.sum().resident == m.resident_after;
  }

  Result<void> survey(const PresentMemory& memory, const std::vector<Thread>& frozen) {
    auto survey = take_survey(memory, frozen, e_.ledger.chart(), shelf_);
    if (!survey) return pass(survey);
    claims_.emplace(adopt(e_, std::move(*survey)));
    if (e_.moment.tries > 1) e_.usage.clear();
    read_usage_if_worth_it();
    plan_ = plan_scan(target_, e_);
    return {};
  }

  Result<void> scan(const PageScanner& scanner) {
    e_.ledger.clear();
    e_.runs.clear();
    anonymous_.clear();
    huge_.clear();
    claims_->rewind();
    MappingBook mappings(e_.space.mappings, e_.ledger.chart());
    auto before = read_status(target_);
    if (!before) return pass(before);
    e_.moment.resident_before = before->resident;
    Sweep sweep(*claims_, book_into(e_.ledger, mappings));
    const auto put = [&](const PageRun& run) {
      sweep.add(run);
      keep(run);
    };
    auto hidden = plan_.hidden.begin();
    const auto put_hidden = [&](Address until) {
      for (; hidden != plan_.hidden.end() && hidden->start < until; ++hidden) {
        PageRun unknown{*hidden, {}};
        unknown.flags.set(PageFlag::kUnknown);
        put(unknown);
      }
    };
    auto scanned = scanner.scan(plan_.ranges, [&](const PageRun& run) {
      put_hidden(run.range.start);
      put(run);
    });
    put_hidden(Address{~0ull});
    if (!scanned) return scanned;
    if (e_.runs.size() == kMostRunsKept) {
      e_.notes.push_back(fmt::format("only the first {} runs of pages are listed", kMostRunsKept));
    }
    sweep.finish();
    e_.mappings = mappings.finish();
    auto after = read_counters(target_);
    if (!after) return pass(after);
    e_.moment.after = *after;
    e_.moment.resident_after = after->resident;
    return {};
  }

  /// By account, where the pages can be told: page flags cannot tell a page that was written again
  /// since, so they count only where they agree with smaps on the mapping.
  void book_lazily_freed(const PageScanner& scanner) {
    if (!e_.means.page_flags) return;
    std::vector<Range> freed;
    for (const MappingUsage& u : e_.usage) {
      if (u.lazily_freed == 0_B || u.resident > kMostLookedThrough) continue;
      auto found = find_lazily_freed(target_, scanner, u.range);
      Bytes sum;
      for (const Range& range : found ? *found : std::vector<Range>{}) sum += range.size();
      if (sum == u.lazily_freed) freed.insert(freed.end(), found->begin(), found->end());
    }
    if (freed.empty()) return;
    claims_->rewind();
    Sweep sweep(*claims_, {[](const Claim&) {},
                           [&](const Claim& piece, Range part, PageFlags) {
                             e_.ledger.book_lazily_freed(piece, part);
                           }});
    for (const Range& range : freed) sweep.add({range, {}});
  }

  void keep(const PageRun& run) {
    if (run.anonymous() && !relatives_.empty()) add_range(anonymous_, run.range);
    if (run.anonymous() && run.flags.has(PageFlag::kHuge)) add_range(huge_, run.range);
    if (options_.runs == ExplainOptions::Runs::kKeep && e_.runs.size() < kMostRunsKept) {
      e_.runs.push_back(run);
    }
  }

  const Target& target_;
  const ExplainOptions& options_;
  Explanation e_;
  std::optional<StoredClaims> claims_;
  ScanPlan plan_;
  Shelf shelf_;  // closed while the target stands
  std::vector<Relative> relatives_;
  std::vector<Range> anonymous_;  // where there may be somebody to compare them with
  std::vector<Range> huge_;       // anonymous, by huge pages
};

/// A core holds bytes, no pages: the ledger says what stands in the file instead of in memory.
Result<Explanation> explain_core(const Target& target, const Means& means) {
  Explanation e;
  e.identity = target.identity();
  e.means = means;
  const PresentMemory memory(target, nullptr);
  auto survey = take_survey(memory, {}, e.ledger.chart());
  if (!survey) return pass(survey);
  append(e.notes, target.absences());
  e.target_cut_off = target.is_cut_off();
  StoredClaims claims(adopt(e, std::move(*survey)));
  MappingBook mappings(e.space.mappings, e.ledger.chart());
  Sweep sweep(claims, book_into(e.ledger, mappings));
  for (const CoreExtent& extent : core_extents(target)) {
    PageRun run{range_of(extent.range.start, extent.in_file), {}};
    run.flags.set(PageFlag::kHeld);
    if (!run.range.empty()) sweep.add(run);
  }
  sweep.finish();
  e.mappings = mappings.finish();
  e.reconciliation.sum = e.ledger.sum().held;
  return e;
}

}  // namespace

Result<Explanation> explain(const Target& target, const Means& means,
                            const ExplainOptions& options) {
  if (target.identity().kind == TargetKind::kCore) return explain_core(target, means);
  return LiveExplainer(target, means, options).run();
}

}  // namespace strata
