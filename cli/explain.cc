// strata explain: where every resident byte is.
#include <algorithm>
#include <array>
#include <limits>

#include "cli/command.h"
#include "cli/common.h"
#include "inspect/ledger/finding.h"
#include "present/explain_view.h"

namespace strata {
namespace {

constexpr std::array kArguments = {kTargetArgument};
constexpr std::array<Option, 8> kOptions = {{
    {"--all", "", "show every account, also the smallest"},
    kFreezeOption,
    kFreezeLimitOption,
    {"--witnesses", "WHICH", "all: read smaps and smaps_rollup, whatever they cost"},
    {"--count-zero", "", "read every huge page and say how much of them is zero"},
    {"--compare-all", "",
     "compare all memory with each forked relative, not 4 GiB divided among them"},
    {"--findings-only", "", "show the findings alone"},
    kJsonOption,
}};
constexpr std::array<std::string_view, 3> kExamples = {
    "strata explain 4242", "strata explain --freeze redis-server",
    "strata explain --json ./core | jq '.accounts[0]'"};

Result<Exit> run(const Invocation& invocation) {
  ExplainOptions options;
  if (const auto which = invocation.value("--witnesses")) {
    if (*which != "all") {
      return Failure(Error{Cause::kUsage, "--witnesses takes the word all", {}, ""});
    }
    options.witnesses = ExplainOptions::Witnesses::kAll;
  }
  if (invocation.has("--count-zero")) options.huge_pages = ExplainOptions::HugePages::kCountZero;
  if (invocation.has("--compare-all")) {
    options.most_compared = Bytes{std::numeric_limits<std::uint64_t>::max()};
  }
  auto explanation = explain_target(invocation, std::move(options));
  if (!explanation) return pass(explanation);
  const ExplainView how{invocation.has("--all") ? ExplainView::Rows::kAll
                                                : ExplainView::Rows::kWidest};
  Document document = view(*explanation, find_findings(*explanation), how);
  if (invocation.has("--findings-only")) {
    // Whose they are stays: the first block, and "target" of JSON.
    const auto goes = [](const Block& b) { return b.key != "findings" && b.key != "target"; };
    document.blocks.erase(std::remove_if(document.blocks.begin() + 1, document.blocks.end(), goes),
                          document.blocks.end());
  }
  if (auto shown = show(document, invocation); !shown) return pass(shown);
  return saw_all(*explanation) ? Exit::kDone : Exit::kPartial;
}

}  // namespace

extern const Command kExplain;
const Command kExplain = {
    "explain",
    "where every resident byte of a process is, and what to do about it",
    "Books every resident byte of TARGET under one account, holds the sum against the kernel's "
    "counters, and says what is worth changing. The target is read, never written to and, "
    "without --freeze, never stopped.",
    kArguments,
    kOptions,
    kExamples,
    run};

}  // namespace strata
