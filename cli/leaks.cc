// strata leaks: live blocks of glibc's heap that nothing reaches.
#include "inspect/object/leaks.h"

#include <array>
#include <charconv>

#include "base/printable.h"
#include "cli/command.h"
#include "cli/common.h"
#include "cli/open_target.h"
#include "inspect/target/means.h"
#include "present/leaks_view.h"
#include "present/progress_line.h"

namespace strata {
namespace {

constexpr std::array kArguments = {kTargetArgument};
constexpr std::array<Option, 7> kOptions = {{
    {"--all", "", "list every group, not the widest alone"},
    {"--min", "BYTES", "leave out leaks that are smaller with all that they hold"},
    {"--why", "ADDRESS", "say how the block at ADDRESS is reached"},
    {"--show-content", "", "show text that leaked; a process's memory may hold secrets"},
    {"--no-freeze", "", "do not stop the target: what is found may be no leak"},
    kFreezeLimitOption,
    kJsonOption,
}};
constexpr std::array<std::string_view, 3> kExamples = {
    "strata leaks 4242", "strata leaks --why 0x5581b2c40 4242", "strata leaks --json ./core"};

Result<LeakOptions> options_of(const Invocation& invocation) {
  LeakOptions options;
  if (const auto least = invocation.value("--min")) {
    auto bytes = parse_bytes("--min", *least);
    if (!bytes) return pass(bytes);
    options.least = *bytes;
  }
  if (const auto why = invocation.value("--why")) {
    auto address = parse_address(*why);
    if (!address) return pass(address);
    options.why = *address;
  }
  if (invocation.has("--show-content")) options.text = LeakOptions::Text::kShow;
  if (invocation.has("--no-freeze")) {
    if (invocation.has("--freeze-limit")) {
      return Failure(Error{Cause::kUsage,
                           "--freeze-limit means nothing with --no-freeze",
                           {},
                           "leave one of them out"});
    }
    return options;
  }
  auto limit = parse_freeze_limit(invocation.value("--freeze-limit").value_or("1s"));
  if (!limit) return pass(limit);
  options.freeze_limit = *limit;
  return options;
}

Result<Exit> run(const Invocation& invocation) {
  auto options = options_of(invocation);
  if (!options) return pass(options);
  auto means = probe_means();
  if (!means) return pass(means);
  auto target = open_target(invocation.argument(0));
  if (!target) return pass(target);
  if ((*target)->identity().kind == TargetKind::kCore) options->freeze_limit.reset();
  auto report = find_leaks(**target, *means, *options);
  if (!report) return pass(report);
  const LeaksView how{invocation.has("--all") ? LeaksView::Rows::kAll : LeaksView::Rows::kWidest};
  if (auto shown = show(view(*report, how), invocation); !shown) return pass(shown);
  if (!report->leaks.empty()) return Exit::kFound;
  return report->let_go_early ? Exit::kPartial : Exit::kDone;
}

}  // namespace

extern const Command kLeaks;
const Command kLeaks = {
    "leaks",
    "live blocks of the heap that nothing reaches",
    "Stops TARGET, walks glibc's heap, follows every pointer from its roots (writable data, "
    "stacks, "
    "registers, thread-local storage, memory of other allocators), lets it go, and lists the "
    "blocks "
    "that no path leads to. Exits with 1 where there are any. Pointers that are kept tagged in "
    "their upper bits, compressed or xored are not seen, so what only they reach is listed too.",
    kArguments,
    kOptions,
    kExamples,
    run};

}  // namespace strata
