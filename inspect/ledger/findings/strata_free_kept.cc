// What the program freed on the Strata malloc and is not given back yet, though it could be.
// Source  malloc/decay.cc (what was not needed for the option's time goes back, while calls come or
//         malloc's thread runs), malloc/background.cc, malloc/statistics.cc (malloc_trim).
#include <fmt/format.h>

#include <algorithm>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"
#include "inspect/ledger/strata_figures.h"

namespace strata {
namespace {

// As it names itself.
constexpr std::string_view kThread = "strata-malloc";

bool is_being_given_back(const Explanation& e) {
  return std::any_of(e.space.threads.begin(), e.space.threads.end(),
                     [](const Thread& thread) { return thread.name == kThread; });
}

/// The option of STRATA_MALLOC that forbids it; empty where none does, or none is known.
std::string_view find_ban(const strata_malloc::Table& table) {
  if (table.decay == std::optional<std::uint64_t>(0)) return "decay:0";
  if (table.background == std::optional<std::uint64_t>(0)) return "background:0";
  return {};
}

std::string who_gives_back(const Explanation& e) {
  const strata_malloc::Table& table = e.strata_malloc->table;
  const std::string_view ban = find_ban(table);
  if (is_being_given_back(e)) {
    return fmt::format("malloc's own thread runs, and gives back what stays free for {}.",
                       table.decay ? fmt::format("{} ms", *table.decay) : "some seconds");
  }
  if (ban == "decay:0") {
    return "STRATA_MALLOC=decay:0 forbids to give it back, but by malloc_trim.";
  }
  if (!ban.empty()) {
    return "STRATA_MALLOC=background:0 forbids the thread that gives it back, so it goes back only "
           "as the program goes on freeing.";
  }
  return "malloc's own thread does not run now, so it goes back only as the program goes on "
         "freeing; that starts the thread again.";
}

}  // namespace

std::optional<Finding> check_strata_free_kept(const Explanation& e) {
  if (e.strata_malloc == nullptr) return std::nullopt;
  const StrataFigures heap = strata_figures(e);
  if (!is_worth_a_line(heap.releasable, e)) return std::nullopt;
  const Bytes units = heap.small.releasable_units + heap.medium.releasable_units;
  const Bytes in_spans = heap.small.releasable + heap.medium.releasable + heap.named.releasable;
  const Bytes runs = heap.releasable - units - in_spans;
  Finding finding;
  finding.bytes = heap.releasable;
  finding.text = fmt::format(
      "Freed by the program and kept by the Strata malloc, in whole pages: {} in units that no "
      "blocks are in, {} in runs of pages, {} between blocks. {}",
      humanised(units), humanised(runs), humanised(in_spans), who_gives_back(e));
  if (is_being_given_back(e)) {
    finding.action = "Nothing, or look again in some seconds.";
  } else {
    finding.action = "Call malloc_trim(0) when a load is over.";
    if (const std::string_view ban = find_ban(e.strata_malloc->table); !ban.empty()) {
      finding.action += fmt::format(" Or run it without {}.", ban);
    }
    finding.action += fmt::format(
        " Now, with a debugger, which stops it meanwhile: gdb -p {} -batch -ex 'call "
        "(int)malloc_trim(0)'.",
        e.identity.pid);
  }
  finding.saves = fmt::format("{}, by malloc_trim(0); what is used again costs a fault a page.",
                              humanised(heap.releasable));
  return finding;
}

}  // namespace strata
