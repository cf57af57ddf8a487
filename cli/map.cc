// strata map: every mapping with its size, residency, purpose and owner.
#include <array>

#include "base/printable.h"
#include "cli/command.h"
#include "cli/common.h"
#include "present/map_view.h"

namespace strata {
namespace {

constexpr std::array kArguments = {kTargetArgument};
constexpr std::array<Option, 6> kOptions = {{
    {"--sort", "BY", "address (default), size, resident, proportional, dirty or swapped"},
    {"--filter", "TEXT", "only mappings whose purpose, name or protection contain TEXT"},
    {"--pages", "", "also list the runs of pages in one state"},
    kFreezeOption,
    kFreezeLimitOption,
    kJsonOption,
}};
constexpr std::array<std::string_view, 3> kExamples = {
    "strata map 4242", "strata map --sort resident --filter heap redis-server",
    "strata map --pages --filter stacks 4242"};

Result<MapView::Sort> sort_of(const std::string& word) {
  using Sort = MapView::Sort;
  constexpr std::pair<std::string_view, Sort> kWords[] = {
      {"address", Sort::kAddress},           {"size", Sort::kSize},   {"resident", Sort::kResident},
      {"proportional", Sort::kProportional}, {"dirty", Sort::kDirty}, {"swapped", Sort::kSwapped}};
  for (const auto& [name, sort] : kWords) {
    if (name == word) return sort;
  }
  return Failure(Error{Cause::kUsage,
                       fmt::format("cannot sort by {}", printable(word)),
                       {},
                       "--sort takes address, size, resident, proportional, dirty or swapped"});
}

Result<Exit> run(const Invocation& invocation) {
  auto sort = sort_of(invocation.value("--sort").value_or("address"));
  if (!sort) return pass(sort);
  MapView how;
  how.sort = *sort;
  how.filter = invocation.value("--filter").value_or("");
  how.pages = invocation.has("--pages") ? MapView::Pages::kShow : MapView::Pages::kHide;
  ExplainOptions options;
  options.witnesses = ExplainOptions::Witnesses::kSmaps;  // for PROPORT.
  if (invocation.has("--pages")) options.runs = ExplainOptions::Runs::kKeep;
  auto explanation = explain_target(invocation, std::move(options));
  if (!explanation) return pass(explanation);
  if (auto shown = show(view(*explanation, how), invocation); !shown) return pass(shown);
  return saw_all(*explanation) ? Exit::kDone : Exit::kPartial;
}

}  // namespace

extern const Command kMap;
const Command kMap = {"map",
                      "every mapping: size, resident, proportional, purpose and owner",
                      "Lists the address space of TARGET with what each mapping is for and who "
                      "holds it. Sizes are of pages, so a mapping's RESIDENT is exact; PROPORT. "
                      "is the kernel's, each page divided by the processes that map it.",
                      kArguments,
                      kOptions,
                      kExamples,
                      run};

}  // namespace strata
