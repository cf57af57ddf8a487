#include "inspect/object/leaks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/huge_memory.h"
#include "base/printable.h"
#include "inspect/heap/anonymous.h"
#include "inspect/object/cxx_type.h"
#include "inspect/object/heap_reading.h"
#include "inspect/object/missing_stacks.h"
#include "inspect/page/counters.h"
#include "inspect/page/page_scanner.h"
#include "inspect/target/freeze.h"

namespace strata {
namespace {

// Looked into for a type or text; the rest is only counted and listed by size.
constexpr std::size_t kMostLookedInto = 65'536;
constexpr Bytes kSeen = 256_B;

FoundLeak found_leak(const BlockMap& map, const Leak& leak) {
  FoundLeak found;
  found.address = map.user(leak.block);
  found.chunk = map.chunk(leak.block).size();
  found.usable = map.usable(leak.block);
  found.is_cycle = leak.is_cycle;
  found.indirect = leak.indirect;
  return found;
}

/// What is swapped out is left there, so it may be what leads to a block.
void tell_of_swap(const Target& target, LeakReport& report) {
  const auto counters = read_status(target);
  if (!counters || counters->swapped.value_or(0_B) == 0_B) return;
  report.notes.push_back(fmt::format(
      "{} of its memory are swapped out and were not read: what only they lead to is listed too",
      size_text(*counters->swapped)));
}

/// Of the largest ones what they hold; nothing changes in a block that nobody reaches.
void look_into(const PresentMemory& memory, const Space& space, const LeakOptions& options,
               LeakReport& report) {
  Chart chart;
  Peek peek({space, memory, chart});
  CxxTypes types(peek, space);
  const auto is_pointer = [&](Address address) { return space.find_mapping(address) != nullptr; };
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < std::min(report.leaks.size(), kMostLookedInto); ++i) {
    FoundLeak& leak = report.leaks[i];
    bytes.resize(std::min(kSeen, leak.usable).value);
    const auto got = memory.read(leak.address, bytes);
    if (!got || got->value < 8) continue;
    std::uint64_t first;
    std::memcpy(&first, bytes.data(), sizeof first);
    if (const std::string* const type = types.type_of(Address{first})) {
      leak.type = *type;
      leak.content.kind = ContentKind::kObject;
      continue;
    }
    leak.content = classify(bytes, leak.usable, is_pointer);
    if (options.text == LeakOptions::Text::kShow) leak.text = excerpt(bytes, leak.content);
  }
}

void explain_why(HeapReading& reading, Address address, LeakReport& report) {
  const BlockMap& map = reading.map();
  const BlockMap::Place place = map.place_of(address.value);
  const BlockMap::Found found = map.find(place);
  if (found.block == BlockMap::kNowhere) {
    report.notes.push_back(
        fmt::format("{:#x} is in no live block of {}", address.value, reading.blocks().name()));
    return;
  }
  std::vector<BlockNumber> roots;
  for (const auto& [block, step] : reading.first_steps()) roots.push_back(block);
  std::sort(roots.begin(), roots.end());
  const std::vector<BlockNumber> path = reading.reach().shortest_path(roots, found.block);
  if (path.empty()) {
    report.notes.push_back(fmt::format("no root leads to the block at {:#x}, of {} bytes",
                                       map.user(found.block).value, map.usable(found.block).value));
  }
  for (std::size_t i = 0; i < path.size(); ++i) {
    Step step;
    if (i == 0) step = reading.first_steps().at(path[0]);
    if (i > 0) step.at = map.user(path[i - 1]);
    step.block = map.user(path[i]);
    step.usable = map.usable(path[i]);
    report.why.push_back(std::move(step));
  }
}

void conclude(HeapReading& reading, const LeakOptions& options, LeakReport& report) {
  Reach& reach = reading.reach();
  reading.resolve();
  reach.follow();
  report.live = reach.live();
  report.from_within = reach.reached_from_within();
  if (options.why) explain_why(reading, *options.why, report);
  const Reach::Leaks leaks = reach.find_leaks();
  report.direct = leaks.direct_count;
  report.indirect = leaks.indirect_count;
  for (const Leak& leak : leaks.direct) {
    FoundLeak found = found_leak(reading.map(), leak);
    if (found.usable + leak.indirect.bytes >= options.least) {
      report.leaks.push_back(std::move(found));
    }
  }
  report.left_out = leaks.direct_count.blocks - report.leaks.size();
  std::stable_sort(report.leaks.begin(), report.leaks.end(),
                   [](const FoundLeak& a, const FoundLeak& b) {
                     return a.usable + a.indirect.bytes > b.usable + b.indirect.bytes;
                   });
  std::vector<std::string> notes = reading.blocks().notes();
  std::move(notes.begin(), notes.end(), std::back_inserter(report.notes));
}

}  // namespace

Result<LeakReport> find_leaks(const Target& target, const Means& means,
                              const LeakOptions& options) {
  LeakReport report;
  report.identity = target.identity();
  const bool is_core = report.identity.kind == TargetKind::kCore;
  std::optional<Freeze> freeze;
  if (options.freeze_limit) {
    if (!means.ptrace) {
      return fail(Cause::kUsage, "cannot freeze: STRATA_WITHOUT switches ptrace off");
    }
    auto prepared = Freeze::prepare(target);
    if (!prepared) return pass(prepared);
    freeze.emplace(std::move(*prepared));
  }
  std::optional<PageScanner> scanner;
  if (!is_core) {
    auto opened = PageScanner::open(target, means);
    if (!opened) return pass(opened);
    scanner.emplace(std::move(*opened));
  }
  const PageScanner* const pages = scanner ? &*scanner : nullptr;
  Shelf shelf;
  std::vector<Thread> standing = options.standing;
  std::optional<ReadyMemory> ready;
  if (freeze) {
    // Files are read while it runs.
    const PresentMemory running(target, pages);
    if (auto first = read_space(running, {}, shelf); !first) return pass(first);
    ready.emplace(HeapReading::memory_needed(target));
    if (auto stopped = freeze->stop(*options.freeze_limit); !stopped) return pass(stopped);
    const auto not_stopped = freeze->not_stopped();
    report.notes.insert(report.notes.end(), not_stopped.begin(), not_stopped.end());
    standing = freeze->threads();
    shelf.close();
  }
  const bool stands = !standing.empty();
  const PresentMemory memory(target, pages,
                             stands ? PresentMemory::Pages::kStand : PresentMemory::Pages::kMove);
  HeapReading reading(target, memory, options);
  auto read = reading.read(standing, shelf);
  if (freeze) {
    report.frozen = freeze->holds();
    report.let_go_early = !report.frozen;
    report.stood = freeze->release();
    ready.reset();
  } else {
    report.frozen = stands || is_core;
  }
  if (!read) return pass(read);
  shelf.open();
  report.memory_read = reading.bytes_read();
  report.notes.insert(report.notes.begin(), reading.space().notes.begin(),
                      reading.space().notes.end());
  conclude(reading, options, report);
  if (is_core) {
    if (auto told = tell_of_missing_stacks(target, reading.space())) {
      report.notes.push_back(std::move(*told));
    }
  } else {
    tell_of_swap(target, report);
  }
  look_into(PresentMemory(target, pages), reading.space(), options, report);
  return report;
}

}  // namespace strata
