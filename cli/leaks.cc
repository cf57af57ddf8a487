// strata leaks: live blocks of glibc's heap, or the Strata malloc's, that nothing reaches.
#include "inspect/object/leaks.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/printable.h"
#include "cli/command.h"
#include "cli/common.h"
#include "cli/open_target.h"
#include "inspect/target/last_moment.h"
#include "inspect/target/means.h"
#include "inspect/target/process.h"
#include "present/leaks_baseline.h"
#include "present/leaks_view.h"

namespace strata {
namespace {

constexpr std::array kArguments = {kTargetArgument};
// What one leak takes in it is 250 bytes.
constexpr Bytes kLargestBaseline = 512_MiB;

constexpr std::array<Option, 9> kOptions = {{
    {"--at-exit", "",
     "run PROGRAM and look at it as it ends; with --json what it prints goes to standard error"},
    {"--all", "", "list every group, not the widest alone"},
    {"--min", "BYTES", "leave out leaks that are smaller with all that they hold"},
    {"--baseline", "FILE", "leave out what an earlier --json of the same program has"},
    {"--why", "ADDRESS", "say how the block at ADDRESS is reached"},
    {"--show-content", "", "show text that leaked; a process's memory may hold secrets"},
    {"--no-freeze", "", "do not stop the target: what is found may be no leak"},
    kFreezeLimitOption,
    kJsonOption,
}};
constexpr std::array<std::string_view, 3> kExamples = {"strata leaks 4242",
                                                       "strata leaks --at-exit -- ./program",
                                                       "strata leaks --why 0x5581b2c40 4242"};

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

using Baseline = std::optional<LeaksBaseline>;

/// Before anything is stopped or run for it.
Result<Baseline> read_baseline(const Invocation& invocation) {
  const auto file = invocation.value("--baseline");
  if (!file) return Baseline();
  auto text = read_text(AT_FDCWD, *file, kLargestBaseline);
  if (!text) return pass(text);
  auto baseline = LeaksBaseline::parse(*text);
  if (!baseline) return Failure(std::move(baseline.error()).during("reading " + *file));
  return Baseline(std::move(*baseline));
}

Result<Exit> conclude(const Invocation& invocation, const Baseline& baseline, LeakReport report) {
  LeaksView how{invocation.has("--all") ? LeaksView::Rows::kAll : LeaksView::Rows::kWidest};
  if (baseline) how.known = baseline->take_known(report);
  if (auto shown = show(view(report, how), invocation); !shown) return pass(shown);
  if (!report.leaks.empty()) return Exit::kFound;
  return report.let_go_early ? Exit::kPartial : Exit::kDone;
}

/// While it lives what is written to standard output goes to standard error.
class StandardOutputAside {
 public:
  StandardOutputAside() : own_(dup(STDOUT_FILENO)) {
    std::fflush(stdout);
    dup2(STDERR_FILENO, STDOUT_FILENO);
  }
  StandardOutputAside(const StandardOutputAside&) = delete;
  StandardOutputAside& operator=(const StandardOutputAside&) = delete;
  ~StandardOutputAside() {
    dup2(own_, STDOUT_FILENO);
    close(own_);
  }

 private:
  int own_;
};

/// Runs the program, and looks at it in its last moment.
Result<Exit> run_at_exit(const Invocation& invocation, const Means& means, const Baseline& baseline,
                         LeakOptions options) {
  auto last = [&] {
    std::optional<StandardOutputAside> aside;
    if (invocation.has("--json")) aside.emplace();  // JSON stands alone
    return LastMoment::wait_for(invocation.program());
  }();
  if (!last) return pass(last);
  if (!last->stands()) {
    return fail(Cause::kGone, "{} ended without a moment in which its memory could be read",
                printable(invocation.program().front()));
  }
  auto process = Process::open(last->pid());
  if (!process) return pass(process);
  options.freeze_limit.reset();
  options.standing = last->threads();
  auto report = find_leaks(**process, means, options);
  const auto signal = last->signal();
  if (auto ended = last->finish(); !ended) return pass(ended);
  if (!report) return pass(report);
  if (signal) {
    report->notes.push_back(fmt::format(
        "the program was ended by signal {} ({}), so what it would have freed counts as held or as "
        "leaked, as it was at that moment",
        *signal, strsignal(*signal)));
  }
  return conclude(invocation, baseline, std::move(*report));
}

Result<Exit> run(const Invocation& invocation) {
  auto options = options_of(invocation);
  if (!options) return pass(options);
  auto baseline = read_baseline(invocation);
  if (!baseline) return pass(baseline);
  auto means = probe_means();
  if (!means) return pass(means);
  if (!invocation.program().empty()) {
    return run_at_exit(invocation, *means, *baseline, std::move(*options));
  }
  auto target = open_target(invocation.argument(0));
  if (!target) return pass(target);
  if ((*target)->identity().kind == TargetKind::kCore) options->freeze_limit.reset();
  auto report = find_leaks(**target, *means, *options);
  if (!report) return pass(report);
  return conclude(invocation, *baseline, std::move(*report));
}

}  // namespace

extern const Command kLeaks;
const Command kLeaks = {
    "leaks",
    "live blocks of the heap that nothing reaches",
    "Stops TARGET, walks glibc's heap or the Strata malloc's, follows every pointer from its "
    "roots (writable data, stacks, registers, thread-local storage, memory of other allocators), "
    "lets it go, and lists "
    "the blocks that no path leads to. Exits with 1 where there are any. Pointers that are kept "
    "tagged in their upper bits, compressed or xored are not seen, so what only they reach is "
    "listed too. On the Strata malloc blocks lie side by side without headers, so a pointer to "
    "just "
    "behind a block holds the next one.",
    kArguments,
    kOptions,
    kExamples,
    run,
    "--at-exit"};

}  // namespace strata
