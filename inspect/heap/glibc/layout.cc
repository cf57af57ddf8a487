#include "inspect/heap/glibc/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "inspect/heap/glibc/arenas.h"

namespace strata::glibc {
namespace {

// glibc makes at most eight arenas a core by default.
constexpr std::size_t kArenaLimit = 16384;
// A process that runs moves chunks while they are looked at, and one that wrote where it must not
// can have broken many lists. Bins that are empty stand still.
constexpr std::size_t kSoundAtLeast = 32;
// Of the others so many may lead to where no heap can be.
constexpr std::size_t kWildAtMost = 3;
constexpr Bytes kNoncontiguous{2};

/// The bin header whose links stand at `links`, as chunks point to it.
Address bin_at(Address links) { return links - 16_B; }

bool links_back(Peek& peek, Address bin, Address fd, Address bk) {
  const auto back = peek.word(fd + 24_B);
  const auto forth = peek.word(bk + 16_B);
  return back == bin.value && forth == bin.value;
}

struct SoundBins {
  std::size_t count = 0;
  std::optional<BrokenLink> broken;  // the first that does not hold

  /// So many that what else does not hold can be damage.
  bool are_nearly_all() const { return count + kWildAtMost >= Layout::kBins; }
};

/// How many bins hold, taking `at` for the first word of the first one; 0 where these are none.
SoundBins count_sound_bins(Peek& peek, const AnonymousMemory& memory, const StaticWords& statics,
                           std::size_t at) {
  SoundBins sound;
  std::size_t wild = 0;
  const auto could_be_chunk = [&](Address link) {
    return link.value % 16 == 0 && memory.find_writable(link).has_value();
  };
  for (std::size_t i = 0; i < Layout::kBins; ++i) {
    const Address fd{statics.words[at + 2 * i]};
    const Address bk{statics.words[at + 2 * i + 1]};
    const Address bin = bin_at(statics.address(at + 2 * i));
    const bool empty = fd == bin && bk == bin;
    if (empty || (fd != bin && bk != bin && links_back(peek, bin, fd, bk))) {
      ++sound.count;
      continue;
    }
    const bool is_wild = !could_be_chunk(fd) || !could_be_chunk(bk);
    // Each bin asked costs reads: what is no arena is wild at once.
    if (is_wild && ++wild > kWildAtMost) return {};
    if (!sound.broken || is_wild) {
      const bool forth = could_be_chunk(fd);
      sound.broken = {statics.address(at + 2 * i + forth), forth ? bk.value : fd.value};
    }
  }
  return sound.count >= kSoundAtLeast ? sound : SoundBins{};
}

struct Ring {
  std::vector<Address> others;
  std::optional<BrokenLink> broken;
};

/// The states from `main`'s next on until the ring closes, or as far as it holds.
Ring follow_ring(Peek& peek, Address main, Layout layout, Address next) {
  Ring ring;
  std::set<Address> seen;
  Address link = main + layout.next();
  while (next != main) {
    // The largest bin is never used, so it is self-linked in every arena.
    const Address last = next + layout.bins + Layout::kBinBytes - 16_B;
    const bool is_apart = next + layout.size() <= main || next >= main + layout.size();
    const bool is_arena = ring.others.size() < kArenaLimit && next.value % 16 == 0 && is_apart &&
                          !seen.contains(next) && peek.word(last) == bin_at(last).value;
    const auto after = is_arena ? peek.word(next + layout.next()) : std::nullopt;
    if (!after) {
      ring.broken = {link, next.value};
      break;
    }
    seen.insert(next);
    ring.others.push_back(next);
    link = next + layout.next();
    next = Address{*after};
  }
  // A new arena is put right behind the main one.
  std::reverse(ring.others.begin(), ring.others.end());
  return ring;
}

/// Adds to a ring that is broken the arenas that only their own sub-heaps know of.
void add_lost(Peek& peek, Layout layout, const std::vector<Address>& by_heaps, Ring& ring) {
  for (const Address state : by_heaps) {
    const Address last = state + layout.bins + Layout::kBinBytes - 16_B;
    if (peek.word(last) != bin_at(last).value) continue;
    if (std::find(ring.others.begin(), ring.others.end(), state) == ring.others.end()) {
      ring.others.push_back(state);
    }
  }
}

/// The heads that known builds have first, then any that malloc_state could have.
std::vector<Bytes> heads() {
  std::vector<Bytes> all{112_B, 104_B, 24_B};
  for (std::uint64_t head = 16; head <= 256; head += 8) all.push_back(Bytes{head});
  return all;
}

/// Whether what stands `head` before the bins can be a lock, flags and lists that nobody uses.
bool is_plausible_head(const StaticWords& statics, std::size_t at, Bytes head) {
  const std::size_t words = head / 8_B;
  if (at < words) return false;
  const std::uint64_t first = statics.words[at - words];
  if ((first & 0xffffffff) > 2 || first >> 32 > 7) return false;
  for (std::size_t i = at - words + 1; i < at - 2; ++i) {
    if (statics.words[i] % 16 > 1) return false;
  }
  return true;
}

using RingByHead = std::pair<Bytes, Ring>;

/// The ring for the head by which it closes. One that leads to no other arena closes by chance too,
/// where `next` was written over, so then the head must be one that is known. One that is broken is
/// worth something only where all else holds.
std::optional<RingByHead> find_ring(Peek& peek, const AnonymousMemory& memory,
                                    const StaticWords& statics, std::size_t at, Address next,
                                    bool may_be_broken) {
  const Address bins = statics.address(at);
  const std::vector<Address> by_heaps =
      may_be_broken ? find_first_sub_heaps(peek, memory) : std::vector<Address>{};
  std::optional<RingByHead> lonely, broken;
  std::size_t most = 0;
  for (const Bytes head : heads()) {
    const Address state = bins - head;
    if (state < statics.start || state.value % 8 != 0) continue;
    Ring ring = follow_ring(peek, state, Layout{head}, next);
    if (!ring.broken) {
      const bool is_known = head == 112_B || head == 104_B || head == 24_B;
      if (is_known || !ring.others.empty()) return RingByHead(head, std::move(ring));
      if (!lonely) lonely = RingByHead(head, std::move(ring));
      continue;
    }
    // By a false head a link that is off by as much leads to bins too; a sub-heap names the state.
    add_lost(peek, Layout{head}, by_heaps, ring);
    const auto named = static_cast<std::size_t>(
        std::count_if(ring.others.begin(), ring.others.end(), [&](Address other) {
          return std::find(by_heaps.begin(), by_heaps.end(), other) != by_heaps.end();
        }));
    if (named > most) {
      most = named;
      broken = RingByHead(head, std::move(ring));
    }
  }
  if (broken) return broken;
  if (lonely || !may_be_broken) return lonely;
  for (const Bytes head : {112_B, 24_B}) {
    if (!is_plausible_head(statics, at, head)) continue;
    return RingByHead(head, Ring{{}, BrokenLink{bins - head + Layout{head}.next(), next.value}});
  }
  return std::nullopt;
}

std::optional<MainArena> arena_by_bins(Peek& peek, const AnonymousMemory& memory,
                                       const StaticWords& statics, std::size_t at,
                                       const SoundBins& sound) {
  const std::size_t next_at = at + 2 * Layout::kBins + 2;
  if (next_at + 5 >= statics.words.size() || at < 2) return std::nullopt;
  const Address bins = statics.address(at);
  const Address next{statics.words[next_at]};
  const Address top{statics.words[at - 2]};
  // An arena that never had a chunk has its own bin for a top: another allocator serves here.
  const bool unused = top == bin_at(bins);
  const bool may_be_broken =
      !unused && sound.are_nearly_all() && memory.find_writable(top).has_value();
  auto found_ring = find_ring(peek, memory, statics, at, next, may_be_broken);
  if (!found_ring) return std::nullopt;
  auto& [head, ring] = *found_ring;
  if (unused && ring.others.empty()) return std::nullopt;
  const Address state = bins - head;
  MainArena found{state, Layout{head}, unused ? Address{} : top,
                  true,  {},           std::move(ring.others),
                  {},    ring.broken,  sound.broken};
  const std::uint64_t flags = statics.words[(state - statics.start) / 8_B] >> 32;
  found.contiguous = (flags & kNoncontiguous.value) == 0;
  found.system_mem = Bytes{statics.words[next_at + 3]};
  found.evidence = fmt::format(
      "{} of {} bins link back to themselves, the ring of {} arenas {}, the first bin stands {} "
      "bytes into malloc_state",
      sound.count, Layout::kBins, found.others.size() + 1,
      found.ring_break ? "does not close" : "closes", head.value);
  return found;
}

}  // namespace

bool closes_ring(Peek& peek, Address main, Layout layout, Address next) {
  return !follow_ring(peek, main, layout, next).broken;
}

std::vector<MainArena> find_main_arenas(Peek& peek, const Space& space,
                                        const AnonymousMemory& memory,
                                        const std::vector<StaticWords>& statics) {
  std::vector<MainArena> found;
  constexpr std::size_t kLast = 2 * (Layout::kBins - 1);
  for (const StaticWords& part : statics) {
    for (std::size_t end = kLast; end + 1 < part.words.size(); ++end) {
      // The last bin takes no chunk of any size, so it is the one that is always self-linked.
      const std::uint64_t self = bin_at(part.address(end)).value;
      if (part.words[end] != self || part.words[end + 1] != self) continue;
      // Were the next pair a bin too, this would be one bin too low.
      if (end + 2 < part.words.size() && part.words[end + 2] == self + 16) continue;
      const std::size_t at = end - kLast;
      const SoundBins sound = count_sound_bins(peek, memory, part, at);
      if (sound.count == 0) continue;
      if (auto arena = arena_by_bins(peek, memory, part, at, sound)) {
        arena->evidence =
            fmt::format("main_arena at {}: {}", place_of(space, arena->state), arena->evidence);
        found.push_back(std::move(*arena));
      }
    }
  }
  return found;
}

}  // namespace strata::glibc
