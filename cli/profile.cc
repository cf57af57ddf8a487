// strata profile: who allocated what lives on the Strata malloc, by its samples.
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "base/file.h"
#include "base/printable.h"
#include "cli/command.h"
#include "cli/common.h"
#include "cli/open_target.h"
#include "inspect/object/heap_profile.h"
#include "present/pprof.h"
#include "present/profile_view.h"
#include "present/text.h"

namespace strata {
namespace {

constexpr std::array kArguments = {kTargetArgument};
constexpr std::array<Option, 5> kOptions = {{
    {"--output", "FILE", "also write the profile for pprof (profile.proto, gzipped)"},
    {"--all", "", "list every site, not the widest alone"},
    {"--start", "BYTES",
     "have TARGET sample from now on, one byte in so many on average: 512K costs under 1 %. Writes "
     "one word into TARGET, in the malloc's own table"},
    {"--stop", "", "have TARGET sample no more, by the same word; what was sampled stays"},
    kJsonOption,
}};
constexpr std::array<std::string_view, 4> kExamples = {
    "STRATA_MALLOC=sample:512K strata run -- redis-server", "strata profile --start 512K 4242",
    "strata profile --output heap.pb.gz 4242", "go tool pprof -http :8080 heap.pb.gz"};

/// What --start or --stop ask for; nothing where neither is there.
Result<std::optional<Bytes>> wanted_of(const Invocation& invocation) {
  const auto start = invocation.value("--start");
  if (!start) {
    return invocation.has("--stop") ? std::optional(0_B) : std::optional<Bytes>();
  }
  if (invocation.has("--stop")) {
    return Failure(
        Error{Cause::kUsage, "--start and --stop mean the opposite", {}, "leave one of them out"});
  }
  auto bytes = parse_bytes("--start", *start);
  if (!bytes) return pass(bytes);
  if (*bytes == 0_B || *bytes > 1_GiB) {
    return Failure(Error{Cause::kUsage,
                         fmt::format("--start {} cannot be sampled by", printable(*start)),
                         {},
                         "write a size from 1 to 1G; 512K is usual"});
  }
  return std::optional(*bytes);
}

/// The only thing that is ever written into a target: its malloc's own mailbox.
Result<void> write_mailbox(const Target& target, Address at, Bytes mean) {
  std::uint64_t word = mean.value;
  const iovec from{&word, sizeof word};
  const iovec to{reinterpret_cast<void*>(at.value), sizeof word};
  if (process_vm_writev(target.identity().pid, &from, 1, &to, 1, 0) == sizeof word) return {};
  auto failed =
      fail_errno(errno, fmt::format("write to the memory of {}", target.identity().origin));
  return Failure(std::move(failed.value())
                     .with_help("who may trace a process may also have it sample: run as its user, "
                                "or with sudo"));
}

Result<void> switch_sampling(const Target& target, const Means& means, Bytes mean) {
  if (target.identity().kind == TargetKind::kCore) {
    return Failure(Error{Cause::kUsage,
                         "a core file samples no more",
                         {},
                         "leave out --start and --stop to see what it has"});
  }
  auto found = find_sampling_switch(target, means);
  if (!found) return pass(found);
  return write_mailbox(target, found->at, mean);
}

Result<void> write_file(const std::string& path, const HeapProfile& profile) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  auto bytes =
      gzipped(pprof_of(profile, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()));
  if (!bytes) return pass(bytes);
  std::FILE* const file = std::fopen(path.c_str(), "wbe");
  if (file == nullptr) return fail_errno(errno, "open " + printable(path));
  const bool is_written = std::fwrite(bytes->data(), 1, bytes->size(), file) == bytes->size();
  const int error = errno;
  if (std::fclose(file) != 0) return fail_errno(errno, "write " + printable(path));
  if (!is_written) return fail_errno(error, "write " + printable(path));
  return {};
}

Result<void> say_switched(const Target& target, Bytes mean, const Invocation& invocation) {
  Record record;
  record.fields = {{"schema", std::string("strata.profile-switch/1")}, {"mean_bytes", mean}};
  const std::string who =
      fmt::format("{} ({})", printable(target.identity().name), target.identity().pid);
  record.lines = {mean == 0_B ? fmt::format("{} samples no more, as soon as each thread next needs "
                                            "blocks",
                                            who)
                              : fmt::format("{} samples one byte in {} from now on, as soon as "
                                            "each thread next needs blocks",
                                            who, humanised(mean))};
  Document document;
  document.blocks.push_back({"", "", std::move(record), ""});
  return show(document, invocation);
}

Result<Exit> run(const Invocation& invocation) {
  auto wanted = wanted_of(invocation);
  if (!wanted) return pass(wanted);
  const auto output = invocation.value("--output");
  if (*wanted && (output || invocation.has("--all"))) {
    return Failure(Error{Cause::kUsage,
                         "--start and --stop switch sampling, and show no profile",
                         {},
                         "run strata profile again, without them, when it has sampled"});
  }
  auto means = probe_means();
  if (!means) return pass(means);
  auto target = open_target(invocation.argument(0));
  if (!target) return pass(target);
  if (*wanted) {
    if (auto done = switch_sampling(**target, *means, **wanted); !done) return pass(done);
    if (auto said = say_switched(**target, **wanted, invocation); !said) return pass(said);
    return Exit::kDone;
  }
  auto profile = read_heap_profile(**target, *means);
  if (!profile) return pass(profile);
  if (output) {
    if (auto written = write_file(*output, *profile); !written) return pass(written);
  }
  ProfileView how;
  if (invocation.has("--all")) how.rows = ProfileView::Rows::kAll;
  if (auto shown = show(view(*profile, how), invocation); !shown) return pass(shown);
  return profile->lost > 0 ? Exit::kPartial : Exit::kDone;
}

}  // namespace

extern const Command kProfile;
const Command kProfile = {
    "profile",
    "who allocated what lives on the Strata malloc, by samples; for pprof too",
    "Reads the blocks that the Strata malloc in TARGET has sampled, with the stacks of who "
    "allocated "
    "them, and says what lives of each site. Bytes are sampled at random, so the figures are "
    "estimates that are true on average; sites with few samples are uncertain by as much as +- "
    "says. TARGET runs on meanwhile.\n"
    "\n"
    "Sampling is off until it is asked for: by STRATA_MALLOC=sample:512K when the program starts, "
    "by strata_malloc_sample() in it, or by --start, after which what is allocated from then on "
    "is seen. --start and --stop write one word into TARGET; nothing else of strata's writes "
    "there.",
    kArguments,
    kOptions,
    kExamples,
    run};

}  // namespace strata
