#include "inspect/object/leaks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "base/printable.h"
#include "inspect/heap/anonymous.h"
#include "inspect/heap/glibc/chunk_walk.h"
#include "inspect/heap/glibc/fast_bins.h"
#include "inspect/object/cxx_type.h"
#include "inspect/object/roots.h"
#include "inspect/page/counters.h"
#include "inspect/page/page_scanner.h"
#include "inspect/page/read_ahead.h"
#include "inspect/space/shelf.h"
#include "inspect/target/freeze.h"

namespace strata {
namespace {

constexpr Bytes kReadLimit = 96_MiB;
// Looked into for a type or text; the rest is only counted and listed by size.
constexpr std::size_t kMostLookedInto = 65'536;
constexpr Bytes kSeen = 256_B;

/// `bytes`, which begin at a multiple of 8.
std::span<const std::uint64_t> words_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint64_t*>(bytes.data()), bytes.size() / 8};
}

/// Words that begin at any byte, also where one part of memory goes on in the next.
class UnalignedWords {
 public:
  template <class Seen>
  void of(Address from, std::span<const std::byte> bytes, Seen&& seen) {
    if (from != end_) bytes_.clear();
    const Address start = from - Bytes{bytes_.size()};
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    for (std::size_t i = 0; i + 8 <= bytes_.size(); ++i) {
      std::uint64_t word;
      std::memcpy(&word, &bytes_[i], sizeof word);
      seen(word, start + Bytes{i});
    }
    end_ = from + Bytes{bytes.size()};
    bytes_.erase(bytes_.begin(), bytes_.end() - std::min<std::ptrdiff_t>(7, std::ssize(bytes_)));
  }

 private:
  std::vector<std::byte> bytes_;  // the last that were seen
  Address end_;                   // their end
};

/// A word that leads to where a block can be, and where it stands: in which root, by number.
struct RootWord {
  std::uint64_t word;
  Address at;
  std::size_t number;
};

/// By slot of pieces that are read ahead.
using Batches = std::array<References::Batch, ReadAhead::kPieces>;

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
    reach_.emplace(*map_, *references_);
    read_roots();
    return {};
  }

  /// What leads where, from all that was read; the target may run again.
  void resolve() {
    fast_->follow(glibc::FastBins::Rest::kEnds);
    heap_->fast.each([&](Address chunk) { map_->free(chunk); });
    if (auto note = fast_->note()) heap_->notes.push_back(std::move(*note));
    references_->resolve();
    for (std::size_t i = 0; i < root_words_.size(); ++i) {
      const RootWord& root = root_words_[i];
      add_root(root.word, {root.at, roots_[root.number].what, {}, {}});
    }
    for (const RegisterRoot& root : find_register_roots(space_)) {
      add_root(root.word, {{}, root.what, {}, {}});
    }
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

  void add_root(std::uint64_t word, const Step& step) {
    const BlockMap::Found found = map_->find(map_->place_of(word));
    if (found.block == BlockMap::kNowhere) return;
    reach_->add_root(found);
    if (options_.why) first_steps_.try_emplace(found.block, step);
  }

  void walk() {
    std::vector<std::pair<const glibc::Region*, const glibc::Arena*>> regions;
    for (const glibc::Arena& arena : heap_->arenas) {
      for (const glibc::Region& region : arena.regions) regions.emplace_back(&region, &arena);
    }
    std::sort(regions.begin(), regions.end(),
              [](const auto& a, const auto& b) { return a.first->chunks < b.first->chunks; });
    std::vector<Range> ranges;
    for (const auto& [region, arena] : regions) {
      // Of the top its header alone.
      const bool has_top = region->chunks.contains(arena->top);
      ranges.push_back(
          {region->chunks.start, has_top ? arena->top + glibc::kHeader : region->chunks.end});
    }
    Batches batches;
    const auto scan = [&](const Piece& piece, std::size_t slot) {
      batches[slot].clear();
      for (const Range& part : piece.parts) {
        references_->scan(part.start, words_of(piece.part(part)), batches[slot]);
      }
    };
    const auto add = [&](const Piece&, std::size_t slot) { references_->add(batches[slot]); };
    glibc::Window window(memory_, std::move(ranges), scan, add);
    fast_.emplace(memory_, *heap_);
    for (const auto& [region, arena] : regions) {
      glibc::ChunkWalk walk(window, *heap_, *arena, *region);
      for (glibc::Chunk chunk; walk.next(chunk);) {
        map_->add(chunk);
        if (chunk.state == glibc::ChunkState::kLive) fast_->pass(chunk, walk.first_word());
        if (chunk.state == glibc::ChunkState::kLost) lost_.push_back(chunk.range);
      }
    }
    window.finish();
    read_ += window.bytes_read();
  }

  void read_mapped() {
    Batches batches;
    const auto scan = [&](const Piece& piece, std::size_t slot) {
      batches[slot].clear();
      for (const Range& part : piece.parts) {
        references_->scan_mapped(words_of(piece.part(part)), batches[slot]);
      }
    };
    read_all(map_->mapped(), scan, [&](const Piece& piece, std::size_t slot) {
      references_->add_mapped(piece.number, batches[slot]);
    });
  }

  void read_roots() {
    roots_ = find_roots(space_, *heap_);
    // Blocks there may be, or what the program asked the kernel for between two of malloc's calls.
    for (const Range& lost : lost_) {
      roots_.push_back(
          {lost, "a part of the heap that is no chunk", RootRange::Pointers::kAligned});
    }
    std::vector<Range> ranges;
    for (const RootRange& root : roots_) {
      ranges.push_back({round_up(root.range.start, 8_B), root.range.end});
    }
    const Bands& bands = map_->bands();
    const auto is_anywhere = [&](const Piece& piece) {
      return roots_[piece.number].pointers == RootRange::Pointers::kAnywhere;
    };
    std::array<std::vector<RootWord>, ReadAhead::kPieces> found;
    const auto scan = [&](const Piece& piece, std::size_t slot) {
      found[slot].clear();
      if (is_anywhere(piece)) return;
      for (const Range& part : piece.parts) {
        const auto words = words_of(piece.part(part));
        bands.each_in(words, [&](std::size_t i) {
          if (!map_->is_placed(words[i])) return;
          found[slot].push_back({words[i], part.start + Bytes{i * 8}, piece.number});
        });
      }
    };
    UnalignedWords unaligned;
    read_all(ranges, scan, [&](const Piece& piece, std::size_t slot) {
      root_words_.append(found[slot]);
      if (!is_anywhere(piece)) return;
      for (const Range& part : piece.parts) {
        unaligned.of(part.start, piece.part(part), [&](std::uint64_t word, Address at) {
          if (bands.contain(word)) root_words_.push_back({word, at, piece.number});
        });
      }
    });
  }

  /// Calls `scan` with each piece of `ranges` where it is read, then `seen` in order.
  template <class Seen>
  void read_all(const std::vector<Range>& ranges, ReadAhead::Prepare scan, Seen&& seen) {
    ReadAhead ahead(memory_, ranges, std::move(scan));
    for (auto next = ahead.next(); next.piece != nullptr; next = ahead.next()) {
      seen(*next.piece, next.slot);
      for (const Range& part : next.piece->parts) read_ += part.size();
    }
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
  std::optional<glibc::FastBins> fast_;
  std::vector<Range> lost_;  // in a heap, and not walked
  std::vector<RootRange> roots_;
  GrownArray<RootWord> root_words_;
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
