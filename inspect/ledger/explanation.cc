#include "inspect/ledger/explanation.h"

#include <fcntl.h>

#include <charconv>

#include "inspect/ledger/beside.h"
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

// smaps costs about 16 ms a GiB of small pages. While a target stands it is read only where that
// leaves the limit far away.
constexpr double kSmapsSecondsPerGiB = 0.02;

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

std::vector<ScanRange> ranges_to_scan(const Explanation& e) {
  std::vector<ScanRange> ranges;
  ranges.reserve(e.space.mappings.size());
  auto usage = e.usage.begin();
  for (const Mapping& m : e.space.mappings) {
    // Beyond the user's half of the address space; the kernel refuses to walk it.
    if (m.name == "[vsyscall]") continue;
    ScanRange range{m.range, {}, std::nullopt};
    while (usage != e.usage.end() && usage->range.end <= m.range.start) ++usage;
    if (usage != e.usage.end() && usage->range == m.range) {
      if (usage->traits.hugetlb) range.inherent.set(PageFlag::kHugetlb);
      // The vdso is of this kind too, but its pages are counted: only what smaps counts nothing of
      // is outside.
      if (usage->traits.frames && usage->resident == 0_B) {
        range.inherent.set(PageFlag::kUncounted);
      }
      range.populated = usage->resident + usage->swapped + usage->private_hugetlb +
                        usage->shared_hugetlb;
      if (usage->traits.frames) range.populated.reset();
    } else if (m.name == "[vvar]" || m.name == "[vvar_vclock]" ||
               m.name == "anon_inode:[perf_event]") {
      range.inherent.set(PageFlag::kUncounted);
    }
    ranges.push_back(range);
  }
  return ranges;
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

/// Joins `range` to the last of `ranges`, which come by address.
void add_range(std::vector<Range>& ranges, Range range) {
  if (!ranges.empty() && ranges.back().end == range.start) {
    ranges.back().end = range.end;
  } else if (ranges.size() < kMostRunsKept) {
    ranges.push_back(range);
  }
}

/// What a process shares with the one that it was forked from is anonymous and mapped twice.
bool shares_anonymous_memory(const Explanation& e) {
  auto mapping = e.space.mappings.begin();
  for (const MappingUsage& u : e.usage) {
    while (mapping != e.space.mappings.end() && mapping->range.end <= u.range.start) ++mapping;
    if (mapping == e.space.mappings.end()) return false;
    const bool is_own = !mapping->has_file() && !mapping->shared;
    if (is_own && u.shared_clean + u.shared_dirty > 0_B && u.anonymous > 0_B) return true;
  }
  return e.usage.empty();  // then only a look at the relatives can tell
}

std::optional<std::uint64_t> read_most_mappings() {
  auto text = read_text(AT_FDCWD, "/proc/sys/vm/max_map_count", 4_KiB);
  std::uint64_t limit = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), limit).ec != std::errc{}) {
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
    auto scanner = PageScanner::open(target_, e_.means);
    if (!scanner) return pass(scanner);
    append(e_.notes, scanner->blind_spots());
    auto before = read_counters(target_);
    if (!before) return pass(before);
    e_.moment.before = *before;
    const bool smaps_is_cheap = smaps_fits();
    if (!smaps_is_cheap) read_usage();

    std::optional<Freeze> freeze;
    if (options_.freeze_limit) {
      auto stopped = Freeze::stop(e_.identity.pid, *options_.freeze_limit);
      if (!stopped) return pass(stopped);
      freeze.emplace(std::move(*stopped));
      append(e_.notes, freeze->not_stopped());
    }
    if (smaps_is_cheap) read_usage();
    auto done = take_stock(*scanner, freeze ? freeze->threads() : std::vector<Thread>{});
    const PresentMemory memory(target_, &*scanner);
    ZeroCount zeros(memory, std::move(huge_));
    const bool counts = options_.huge_pages == ExplainOptions::HugePages::kCountZero;
    // In the time that the target stands anyway; what is not done by then is read from it running.
    if (counts && done && freeze) zeros.read_while([&] { return freeze->holds(); });
    if (freeze) {
      e_.moment.frozen = freeze->holds();
      if (!e_.moment.frozen) {
        e_.notes.push_back("the target had to be let go before all was read: --freeze-limit");
      }
      e_.moment.stood = std::chrono::duration_cast<Duration>(freeze->release());
    }
    if (!done) return pass(done);
    if (counts) {
      zeros.read_while([] { return true; });
      e_.huge_contents = zeros.contents();
      e_.moment.memory_read += zeros.contents().read;
    }
    if (!anonymous_.empty()) {
      e_.kinship = compare_relatives(target_, find_relatives(e_.identity.pid), anonymous_,
                                     options_.most_compared);
    }
    e_.most_mappings = read_most_mappings();
    auto after = read_counters(target_);
    if (after) e_.moment.after = *after;
    e_.beside = read_beside(target_, e_.moment.after, e_.space);
    reconcile(e_);
    e_.witnesses = gather_witnesses(target_, options_, e_);
    return std::move(e_);
  }

 private:
  /// Whether smaps can be read while the target stands, without eating up the limit.
  bool smaps_fits() const {
    if (!options_.freeze_limit) return true;
    const double gib = static_cast<double>(e_.moment.before.resident.value_or(0_B).value) /
                       static_cast<double>((1_GiB).value);
    const double limit = std::chrono::duration<double>(*options_.freeze_limit).count();
    return gib * kSmapsSecondsPerGiB < limit / 3;
  }

  void read_usage() {
    if (!e_.means.smaps) return;
    auto usage = read_smaps(target_);
    if (usage) {
      e_.usage = std::move(*usage);
    } else {
      e_.notes.push_back("smaps could not be read: " + usage.error().message);
    }
  }

  Result<void> take_stock(const PageScanner& scanner, const std::vector<Thread>& frozen) {
    const PresentMemory memory(target_, &scanner);
    auto survey = take_survey(memory, frozen, e_.ledger.chart());
    if (!survey) return pass(survey);
    StoredClaims claims(adopt(e_, std::move(*survey)));
    const std::vector<ScanRange> ranges = ranges_to_scan(e_);
    looks_for_relatives_ = e_.means.frames && shares_anonymous_memory(e_);
    for (e_.moment.tries = 1;; ++e_.moment.tries) {
      e_.ledger.clear();
      e_.runs.clear();
      anonymous_.clear();
      huge_.clear();
      claims.rewind();
      MappingBook mappings(e_.space.mappings);
      auto resident = read_resident(target_);
      if (!resident) return pass(resident);
      e_.moment.resident_before = *resident;
      Sweep sweep(claims, book_into(e_.ledger, mappings));
      auto scanned = scanner.scan(ranges, [&](const PageRun& run) {
        sweep.add(run);
        keep(run);
      });
      if (!scanned) return scanned;
      sweep.finish();
      e_.mappings = mappings.finish(e_.ledger.chart());
      auto then = read_resident(target_);
      if (!then) return pass(then);
      e_.moment.resident_after = *then;
      if (*resident == *then || e_.moment.tries >= options_.most_tries) break;
    }
    book_lazily_freed(scanner, claims);
    return {};
  }

  /// By account, where the pages can be told: page flags cannot tell a page that was written again
  /// since, so they count only where they agree with smaps on the mapping.
  void book_lazily_freed(const PageScanner& scanner, StoredClaims& claims) {
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
    claims.rewind();
    Sweep sweep(claims, {[](const Claim&) {}, [&](const Claim& piece, Range part, PageFlags) {
                           e_.ledger.book_lazily_freed(piece, part);
                         }});
    for (const Range& range : freed) sweep.add({range, {}});
  }

  void keep(const PageRun& run) {
    if (run.anonymous() && looks_for_relatives_) add_range(anonymous_, run.range);
    if (run.anonymous() && run.flags.has(PageFlag::kHuge)) add_range(huge_, run.range);
    if (options_.runs == ExplainOptions::Runs::kKeep && e_.runs.size() < kMostRunsKept) {
      e_.runs.push_back(run);
    }
  }

  const Target& target_;
  const ExplainOptions& options_;
  Explanation e_;
  bool looks_for_relatives_ = false;
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
  StoredClaims claims(adopt(e, std::move(*survey)));
  MappingBook mappings(e.space.mappings);
  Sweep sweep(claims, book_into(e.ledger, mappings));
  for (const CoreExtent& extent : core_extents(target)) {
    PageRun run{range_of(extent.range.start, extent.in_file), {}};
    run.flags.set(PageFlag::kHeld);
    if (!run.range.empty()) sweep.add(run);
  }
  sweep.finish();
  e.mappings = mappings.finish(e.ledger.chart());
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
