// strata heap: glibc's arenas, or the Strata malloc's classes: what is live in them, what is free
// and what can become of it.
#include <array>
#include <charconv>

#include "base/printable.h"
#include "cli/command.h"
#include "cli/common.h"
#include "inspect/heap/glibc/blocks.h"
#include "inspect/heap/glibc/misfit.h"
#include "inspect/heap/strata/heap_scan.h"
#include "present/chunks_view.h"
#include "present/heap_view.h"
#include "present/strata_chunks_view.h"
#include "present/strata_heap_view.h"

namespace strata {
namespace {

constexpr std::array kArguments = {kTargetArgument};
constexpr std::array<Option, 8> kOptions = {{
    {"--arena", "N", "only arena N; 0 is the main arena, or the first one"},
    {"--bins", "",
     "also list the bins with what they hold, or how full the Strata malloc's spans are"},
    {"--sizes", "", "list every size of chunk or block, not the widest alone"},
    {"--chunks", "",
     "list every chunk or block instead, a line each: the address that malloc() gave, size, state, "
     "arena"},
    {"--check", "",
     "also hold all that malloc keeps against each other, and exit with 1 where it does not hold "
     "together"},
    kFreezeOption,
    kFreezeLimitOption,
    kJsonOption,
}};
constexpr std::array<std::string_view, 4> kExamples = {
    "strata heap 4242", "strata heap --freeze --sizes 4242", "strata heap --check ./core",
    "strata heap --chunks --arena 0 4242"};

constexpr int kLooksAgain = 2;

Result<std::optional<std::size_t>> arena_of(const Invocation& invocation) {
  const auto text = invocation.value("--arena");
  if (!text) return std::optional<std::size_t>();
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size()) {
    return Failure(Error{Cause::kUsage,
                         fmt::format("{} is not the number of an arena", printable(*text)),
                         {},
                         "0 is the main arena, the others count from 1"});
  }
  return std::optional(number);
}

Failure no_glibc(const Explanation& e) {
  if (const std::string* const misfit = glibc::misfit_among(e.notes)) {
    return Failure(Error{
        Cause::kUnsupported, *misfit, {}, "strata explain shows what else is known of its memory"});
  }
  return Failure(Error{Cause::kUnsupported,
                       fmt::format("no malloc of glibc's is in use in {} ({}), nor Strata's",
                                   printable(e.identity.name), e.identity.pid),
                       {},
                       "strata explain says which allocator holds its memory"});
}

/// Whether something does not hold in a heap that was not known to stand still. Blocks of the
/// Strata malloc's change without a lock, so also where it was stopped for the look.
bool is_in_doubt(const Explanation& e) {
  if (e.identity.kind == TargetKind::kCore) return false;
  if (e.strata_malloc != nullptr) return !e.strata_malloc->damage.found().empty();
  return e.glibc != nullptr && !e.moment.frozen && !e.glibc->heap.damage.empty();
}

/// A heap that runs while it is read can seem damaged where it only moved, and seldom twice at the
/// same place in the same way.
Result<Explanation> look(const Invocation& invocation, const ExplainOptions& options) {
  auto seen = explain_target(invocation, options);
  for (int again = 0; again < kLooksAgain && seen && is_in_doubt(*seen); ++again) {
    auto next = explain_target(invocation, options);
    if (!next) return next;
    if (next->strata_malloc != nullptr && seen->strata_malloc != nullptr) {
      next->strata_malloc->damage.doubt(seen->strata_malloc->damage);
    } else if (next->glibc != nullptr && seen->glibc != nullptr) {
      next->glibc->heap.doubt(seen->glibc->heap.damage);
    }
    seen = std::move(next);
  }
  return seen;
}

/// Whether every chunk was seen that glibc has.
bool saw_all(const glibc::Contents& contents) {
  const glibc::Heap& heap = contents.heap;
  const std::uint64_t mapped = heap.parameters ? heap.parameters->mmapped_chunks : 0;
  return !contents.tape.is_cut() && heap.not_resident == 0_B &&
         heap.mmapped.chunks.size() >= mapped;
}

Result<HeapView> view_of(const Invocation& invocation) {
  auto arena = arena_of(invocation);
  if (!arena) return pass(arena);
  HeapView how;
  how.arena = *arena;
  if (invocation.has("--bins")) how.bins = HeapView::Bins::kShow;
  if (invocation.has("--sizes")) how.sizes = HeapView::Sizes::kAll;
  for (const char* const other : {"--bins", "--sizes"}) {
    if (!invocation.has("--chunks") || !invocation.has(other)) continue;
    return Failure(Error{Cause::kUsage,
                         fmt::format("--chunks lists chunks alone, so {} means nothing", other),
                         {},
                         "leave one of them out"});
  }
  return how;
}

/// Of the Strata malloc.
Result<Exit> show_strata(const Explanation& explanation, const HeapView& how,
                         const Invocation& invocation) {
  const strata_malloc::Contents& contents = *explanation.strata_malloc;
  if (how.arena && *how.arena >= contents.tally.arenas.size()) {
    return Failure(Error{Cause::kUsage,
                         fmt::format("there is no arena {}", *how.arena),
                         {},
                         fmt::format("it has {}, numbered from 0", contents.tally.arenas.size())});
  }
  StrataHeapView view_of{how.arena};
  if (how.sizes == HeapView::Sizes::kAll) view_of.sizes = StrataHeapView::Sizes::kAll;
  if (how.bins == HeapView::Bins::kShow) view_of.bins = StrataHeapView::Bins::kShow;
  auto shown = show(invocation.has("--chunks") ? view(explanation, StrataChunksView{how.arena})
                                               : view(explanation, view_of),
                    invocation);
  if (!shown) return pass(shown);
  if (contents.damage.count() > 0) return Exit::kFound;
  const bool is_whole =
      saw_all(explanation) && contents.tally.lost == 0_B && !contents.tally.is_cut;
  return is_whole ? Exit::kDone : Exit::kPartial;
}

Result<Exit> run(const Invocation& invocation) {
  auto how = view_of(invocation);
  if (!how) return pass(how);
  const bool lists_chunks = invocation.has("--chunks");
  ExplainOptions options;
  if (invocation.has("--check")) options.heaps = HeapScene::Depth::kCheck;
  auto explanation = look(invocation, options);
  if (!explanation) return pass(explanation);
  if (explanation->strata_malloc != nullptr) return show_strata(*explanation, *how, invocation);
  if (explanation->glibc == nullptr) return no_glibc(*explanation);
  const glibc::Heap& heap = explanation->glibc->heap;
  if (how->arena && *how->arena >= heap.arenas.size()) {
    return Failure(Error{Cause::kUsage,
                         fmt::format("there is no arena {}", *how->arena),
                         {},
                         fmt::format("it has {}, numbered from 0", heap.arenas.size())});
  }
  auto shown =
      show(lists_chunks ? view(*explanation, ChunksView{how->arena}) : view(*explanation, *how),
           invocation);
  if (!shown) return pass(shown);
  if (invocation.has("--check") && !heap.damage.empty()) return Exit::kFound;
  const bool is_whole = saw_all(*explanation) && saw_all(*explanation->glibc);
  return is_whole ? Exit::kDone : Exit::kPartial;
}

}  // namespace

extern const Command kHeap;
const Command kHeap = {
    "heap",
    "the heap of glibc's malloc, or of Strata's: what is live, free, and can be given back",
    "Walks every chunk of glibc's heap in TARGET, or every block of the Strata malloc's (strata "
    "run), without symbols and without its help. Free memory is told apart by what malloc_trim(0) "
    "would give back and what stays, and why.",
    kArguments,
    kOptions,
    kExamples,
    run};

}  // namespace strata
