#include "inspect/ledger/explanation.h"

#include <fcntl.h>

#include <charconv>
#include <utility>

#include "inspect/ledger/beside.h"
#include "inspect/ledger/mapping_book.h"
#include "inspect/ledger/stocktaking.h"
#include "inspect/ledger/survey.h"
#include "inspect/ledger/witnesses.h"
#include "inspect/target/core.h"
#include "inspect/target/freeze.h"

namespace strata {
namespace {

void append(std::vector<std::string>& to, const std::vector<std::string>& notes) {
  to.insert(to.end(), notes.begin(), notes.end());
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

/// Lets go, and says how long the target stood.
void release(Freeze& freeze, const ExplainOptions& options, Explanation& e) {
  e.moment.frozen = freeze.holds();
  e.moment.let_go_early = !e.moment.frozen;
  e.moment.stood = std::chrono::duration_cast<Duration>(freeze.release());
  if (freeze.stood_at_most()) {
    e.notes.push_back(
        "the keeper, which holds the target, was killed: the target stood for at most the time "
        "that is shown");
  }
  if (e.moment.frozen) return;
  e.moment.let_go_because = freeze.stood_at_most() ? "its keeper was killed"
                            : e.moment.stood >= *options.freeze_limit
                                ? "reading took longer than --freeze-limit allows"
                                : "it was woken, by SIGKILL or another tracer";
}

Result<Explanation> explain_process(const Target& target, const Means& means,
                                    const ExplainOptions& options) {
  Explanation e;
  e.identity = target.identity();
  e.means = means;
  std::optional<Freeze> freeze;
  if (options.freeze_limit) {
    if (!means.ptrace) {
      return fail(Cause::kUsage, "cannot freeze: STRATA_WITHOUT switches ptrace off");
    }
    // Before anything is read, since what there is of us by now is copied.
    auto prepared = Freeze::prepare(target);
    if (!prepared) return pass(prepared);
    freeze.emplace(std::move(*prepared));
  }
  auto scanner = PageScanner::open(target, means);
  if (!scanner) return pass(scanner);
  append(e.notes, scanner->blind_spots());
  auto before = read_counters(target);
  if (!before) return pass(before);
  e.moment.before = *before;
  std::vector<Relative> relatives = find_relatives(e.identity.pid);
  if (!means.frames) e.kinship.relatives = std::exchange(relatives, {});

  Stocktaking stocktaking(target, options, *scanner, e);
  if (!relatives.empty()) stocktaking.note_anonymous();
  if (freeze) {
    stocktaking.prepare();
    if (auto stopped = freeze->stop(*options.freeze_limit); !stopped) return pass(stopped);
    append(e.notes, freeze->not_stopped());
  }
  auto taken = stocktaking.take(freeze ? freeze->threads() : std::vector<Thread>{});
  if (freeze) release(*freeze, options, e);
  if (!taken) return pass(taken);
  stocktaking.finish();

  stocktaking.book_lazily_freed();
  if (options.huge_pages == ExplainOptions::HugePages::kCountZero) {
    e.huge_contents =
        count_zero(PresentMemory(target, &*scanner), stocktaking.pages().huge, options.progress);
    e.moment.memory_read += e.huge_contents->read;
  }
  if (!relatives.empty()) {
    e.kinship = compare_relatives(target, std::move(relatives), stocktaking.pages().anonymous,
                                  options.most_compared, options.progress);
  }
  e.most_mappings = read_most_mappings();
  e.beside = read_beside(target, e.moment.after, e.space);
  reconcile(e);
  e.witnesses = gather_witnesses(target, options, e);
  return e;
}

/// A core holds bytes, no pages: the ledger says what stands in the file instead of in memory.
Result<Explanation> explain_core(const Target& target, const Means& means,
                                 const ExplainOptions& options) {
  Explanation e;
  e.identity = target.identity();
  e.means = means;
  const PresentMemory memory(target, nullptr);
  Shelf shelf;
  auto survey = take_survey(memory, {}, e.ledger.chart(), shelf, options.heaps);
  if (!survey) return pass(survey);
  append(e.notes, target.absences());
  e.target_cut_off = target.is_cut_off();
  ClaimSources sources = adopt(e, std::move(*survey));
  sources.read(options.progress);
  sources.settle();
  MergedClaims claims = sources.all();
  MappingBook mappings(e.space.mappings, e.ledger.chart());
  Sweep sweep(claims, book_into(e.ledger, mappings));
  for (const CoreExtent& extent : core_extents(target)) {
    PageRun run{range_of(extent.range.start, extent.in_file), {}};
    run.flags.set(PageFlag::kHeld);
    if (!run.range.empty()) sweep.add(run);
  }
  sweep.finish();
  end_walks(e, sources);
  e.mappings = mappings.finish();
  e.reconciliation.sum = e.ledger.sum().held;
  return e;
}

}  // namespace

Result<Explanation> explain(const Target& target, const Means& means,
                            const ExplainOptions& options) {
  if (target.identity().kind == TargetKind::kCore) return explain_core(target, means, options);
  return explain_process(target, means, options);
}

}  // namespace strata
