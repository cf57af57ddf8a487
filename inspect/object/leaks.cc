#include "inspect/object/leaks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "base/printable.h"
#include "inspect/heap/anonymous.h"
#include "inspect/heap/glibc/chunk_walk.h"
#include "inspect/object/cxx_type.h"
#include "inspect/object/roots.h"
#include "inspect/page/counters.h"
#include "inspect/page/page_scanner.h"
#include "inspect/space/shelf.h"
#include "inspect/target/freeze.h"

namespace strata {
namespace {

constexpr Bytes kReadLimit = 96_MiB;
constexpr Bytes kWindow = 1_MiB;
// Looked into for a type or text; the rest is only counted and listed by size.
constexpr std::size_t kMostLookedInto = 65'536;
constexpr Bytes kSeen = 256_B;

/// Calls `seen` with the present words of `range`, a window at a time; the last `overlap` bytes of
/// one come again with the next.
template <class Seen>
Bytes read_words(const PresentMemory& memory, Range range, Bytes overlap, Seen&& seen) {
  std::vector<std::uint64_t> window;
  Bytes read;
  // Terabytes may be reserved and never touched.
  constexpr Bytes kLeast = 64_MiB, kMost = 16_GiB;
  Bytes span = kLeast, next;
  for (Address from = range.start; from < range.end; from = from + std::exchange(span, next)) {
    const auto parts = memory.present({from, std::min(from + span + overlap, range.end)});
    if (!parts) return read;
    next = parts->empty() ? std::min(span * 2, kMost) : kLeast;
    for (const Range& part : *parts) {
      for (Address at = round_up(part.start, 8_B); at < part.end; at = at + (kWindow - overlap)) {
        const Bytes size = std::min(kWindow, part.end - at);
        window.resize(size / 8_B);
        if (window.empty()) break;
        const auto got = memory.target().read_memory(at, std::as_writable_bytes(std::span(window)));
        if (!got || *got < 8_B) break;  // a device's memory, or gone since
        read += *got;
        seen(at, std::span<const std::uint64_t>(window.data(), *got / 8_B));
      }
    }
  }
  return read;
}

/// All that is read of a target, in the order in which it is.
class Reading {
 public:
  Reading(const Target& target, const PresentMemory& memory, const LeakOptions& options)
      : target_(target), memory_(memory), options_(options) {}

  Result<void> read(const std::vector<Thread>& standing, Shelf& shelf) {
    auto space = read_space(memory_, standing, shelf);
    if (!space) return pass(space);
    space_ = std::move(*space);
    const AnonymousMemory anonymous(space_);
    const HeapScene scene{space_, memory_, chart_};
    Peek peek(scene, kReadLimit);
    heap_ = glibc::read_heap(peek, scene, anonymous);
    if (!heap_) {
      return fail(Cause::kUnsupported, "no malloc of glibc's is in use in {}{}",
                  target_.identity().origin,
                  is_32_bit() ? "; it is a 32-bit process, whose heap cannot be read" : "");
    }
    read_ += heap_->bytes_read;
    map_ = BlockMap::make(*heap_);
    if (!map_) {
      return fail(Cause::kUnsupported,
                  "the heap of {} is larger than 64 GiB, which is as much as can be followed",
                  target_.identity().origin);
    }
    references_.emplace(*map_);
    walk();
    read_mapped();
    references_->resolve();
    reach_.emplace(*map_, *references_);
    read_roots();
    return {};
  }

  const Space& space() const { return space_; }
  glibc::Heap& heap() { return *heap_; }
  const BlockMap& map() const { return *map_; }
  Reach& reach() { return *reach_; }
  Bytes bytes_read() const { return read_; }
  const std::unordered_map<BlockNumber, Step>& first_steps() const { return first_steps_; }

 private:
  /// The stack of a 64-bit process lies far above.
  bool is_32_bit() const {
    return std::all_of(space_.mappings.begin(), space_.mappings.end(), [](const Mapping& m) {
      return m.range.end <= Address{std::uint64_t{1} << 32} || m.name == "[vsyscall]";
    });
  }

  void walk() {
    std::vector<std::pair<const glibc::Region*, const glibc::Arena*>> regions;
    for (const glibc::Arena& arena : heap_->arenas) {
      for (const glibc::Region& region : arena.regions) regions.emplace_back(&region, &arena);
    }
    std::sort(regions.begin(), regions.end(),
              [](const auto& a, const auto& b) { return a.first->chunks < b.first->chunks; });
    glibc::Window window(memory_, [&](Address from, std::span<const std::uint64_t> words) {
      references_->add(from, words);
    });
    for (const auto& [region, arena] : regions) {
      window.begin_at(region->chunks.start);
      glibc::ChunkWalk walk(window, *heap_, *arena, *region);
      for (glibc::Chunk chunk; walk.next(chunk);) {
        map_->add(chunk);
        if (chunk.state == glibc::ChunkState::kLost) lost_.push_back(chunk.range);
      }
    }
    read_ += window.bytes_read();
  }

  void read_mapped() {
    for (std::size_t i = 0; i < map_->mapped().size(); ++i) {
      read_ += read_words(memory_, map_->mapped()[i], 0_B,
                          [&](Address, std::span<const std::uint64_t> words) {
                            references_->add_mapped(i, words);
                          });
    }
  }

  void read_roots() {
    const auto look = [&](std::uint64_t word, Address at, const std::string& what) {
      const BlockMap::Found found = map_->find(map_->place_of(word));
      if (found.block == BlockMap::kNowhere) return;
      reach_->add_root(found);
      if (options_.why) first_steps_.try_emplace(found.block, Step{at, what, {}, {}});
    };
    std::vector<RootRange> roots = find_roots(space_, *heap_);
    // Blocks there may be, or what the program asked the kernel for between two of malloc's calls.
    for (const Range& lost : lost_) {
      roots.push_back({lost, "a part of the heap that is no chunk", RootRange::Pointers::kAligned});
    }
    for (const RootRange& root : roots) read_root(root, look);
    for (const RegisterRoot& root : find_register_roots(space_)) look(root.word, {}, root.what);
  }

  template <class Look>
  void read_root(const RootRange& root, Look&& look) {
    const Bands& bands = map_->bands();
    const bool anywhere = root.pointers == RootRange::Pointers::kAnywhere;
    const std::size_t step = anywhere ? 1 : 8;
    const Bytes overlap = anywhere ? 8_B : 0_B;
    const auto seen = [&](Address from, std::span<const std::uint64_t> words) {
      const auto bytes = std::as_bytes(words);
      for (std::size_t i = 0; i + 8 <= bytes.size(); i += step) {
        std::uint64_t word;
        std::memcpy(&word, &bytes[i], sizeof word);
        if (bands.contain(word)) look(word, from + Bytes{i}, root.what);
      }
    };
    read_ += read_words(memory_, root.range, overlap, seen);
  }

  const Target& target_;
  const PresentMemory& memory_;
  const LeakOptions& options_;
  Chart chart_;
  Space space_;
  std::optional<glibc::Heap> heap_;
  std::optional<BlockMap> map_;
  std::optional<References> references_;
  std::optional<Reach> reach_;
  std::unordered_map<BlockNumber, Step> first_steps_;
  std::vector<Range> lost_;  // in a heap, and not walked
  Bytes read_;
};

/// As malloc_usable_size() says.
Bytes usable(const BlockMap& map, BlockNumber block) {
  // The next one's first word is its own, where there is a next one.
  return map.chunk(block).end - map.user(block) + (map.is_mapped(block) ? 0_B : 8_B);
}

FoundLeak found_leak(const BlockMap& map, const Leak& leak) {
  FoundLeak found;
  found.address = map.user(leak.block);
  found.chunk = map.chunk(leak.block).size();
  found.usable = usable(map, leak.block);
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

void explain_why(Reading& reading, Address address, LeakReport& report) {
  const BlockMap& map = reading.map();
  const BlockMap::Place place = map.place_of(address.value);
  const BlockMap::Found found = map.find(place);
  if (found.block == BlockMap::kNowhere) {
    report.notes.push_back(fmt::format("{:#x} is in no live block of glibc's heap", address.value));
    return;
  }
  std::vector<BlockNumber> roots;
  for (const auto& [block, step] : reading.first_steps()) roots.push_back(block);
  std::sort(roots.begin(), roots.end());
  const std::vector<BlockNumber> path = reading.reach().shortest_path(roots, found.block);
  if (path.empty()) {
    report.notes.push_back(fmt::format("no root leads to the block at {:#x}, of {} bytes",
                                       map.user(found.block).value,
                                       usable(map, found.block).value));
  }
  for (std::size_t i = 0; i < path.size(); ++i) {
    Step step;
    if (i == 0) step = reading.first_steps().at(path[0]);
    if (i > 0) step.at = map.user(path[i - 1]);
    step.block = map.user(path[i]);
    step.usable = usable(map, path[i]);
    report.why.push_back(std::move(step));
  }
}

void conclude(Reading& reading, const LeakOptions& options, LeakReport& report) {
  Reach& reach = reading.reach();
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
  for (const glibc::Damage& damage : reading.heap().damage) {
    report.notes.push_back("glibc's heap is damaged, so some of this may be wrong: " + damage.what);
    break;
  }
  std::vector<std::string>& notes = reading.heap().notes;
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
  if (freeze) {
    // Files are read while it runs.
    const PresentMemory running(target, pages);
    if (auto first = read_space(running, {}, shelf); !first) return pass(first);
    if (auto stopped = freeze->stop(*options.freeze_limit); !stopped) return pass(stopped);
    const auto not_stopped = freeze->not_stopped();
    report.notes.insert(report.notes.end(), not_stopped.begin(), not_stopped.end());
    standing = freeze->threads();
    shelf.close();
  }
  const bool stands = !standing.empty();
  const PresentMemory memory(target, pages,
                             stands ? PresentMemory::Pages::kStand : PresentMemory::Pages::kMove);
  Reading reading(target, memory, options);
  auto read = reading.read(standing, shelf);
  if (freeze) {
    report.frozen = freeze->holds();
    report.let_go_early = !report.frozen;
    report.stood = freeze->release();
  } else {
    report.frozen = stands || is_core;
  }
  if (!read) return pass(read);
  shelf.open();
  report.memory_read = reading.bytes_read();
  report.notes.insert(report.notes.begin(), reading.space().notes.begin(),
                      reading.space().notes.end());
  conclude(reading, options, report);
  if (!is_core) tell_of_swap(target, report);
  look_into(PresentMemory(target, pages), reading.space(), options, report);
  return report;
}

}  // namespace strata
