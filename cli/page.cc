// strata page: one address through all layers.
#include <array>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/open_target.h"
#include "inspect/ledger/place.h"
#include "inspect/target/means.h"
#include "present/page_view.h"

namespace strata {
namespace {

constexpr std::array kArguments = {kTargetArgument,
                                   Argument{"ADDRESS", "hexadecimal, with or without 0x"}};
constexpr std::array<Option, 2> kOptions = {{
    {"--show-content", "", "show the 64 bytes there; a process's memory may hold secrets"},
    kJsonOption,
}};
constexpr std::array<std::string_view, 2> kExamples = {
    "strata page 4242 0x7ffd5a1c2e40", "strata page --show-content redis-server 7f3d6227af50"};

Result<Exit> run(const Invocation& invocation) {
  auto address = parse_address(invocation.argument(1));
  if (!address) return pass(address);
  auto means = probe_means();
  if (!means) return pass(means);
  auto target = open_target(invocation.argument(0));
  if (!target) return pass(target);
  PlaceOptions options;
  if (invocation.has("--show-content")) options.content = PlaceOptions::Content::kShow;
  auto place = find_place(**target, *means, *address, options);
  if (!place) return pass(place);
  if (auto shown = show(view(*place), invocation); !shown) return pass(shown);
  return Exit::kDone;
}

}  // namespace

extern const Command kPage;
const Command kPage = {"page",
                       "one address through all layers, down to its frame",
                       "Says what stands at ADDRESS in TARGET: the mapping, the module's section "
                       "and symbol, the thread whose stack or the allocator whose heap it is, "
                       "then its page-table walk, frame, flags, share count and NUMA node. What "
                       "is not visible without privilege is named with the reason.",
                       kArguments,
                       kOptions,
                       kExamples,
                       run};

}  // namespace strata
