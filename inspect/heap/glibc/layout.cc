#include "inspect/heap/glibc/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace strata::glibc {
namespace {

// glibc makes at most eight arenas a core by default.
constexpr std::size_t kArenaLimit = 16384;
// A process that runs may be caught while it links a chunk; more than this is no arena.
constexpr std::size_t kBinsInMotion = 3;
constexpr Bytes kNoncontiguous{2};

/// The bin header whose links stand at `links`, as chunks point to it.
Address bin_at(Address links) { return links - 16_B; }

bool links_back(Peek& peek, Address bin, Address fd, Address bk) {
  const auto back = peek.word(fd + 24_B);
  const auto forth = peek.word(bk + 16_B);
  return back == bin.value && forth == bin.value;
}

/// How many bins hold, taking `at` for the first word of the first one.
std::size_t count_sound_bins(Peek& peek, const StaticWords& statics, std::size_t at) {
  std::size_t sound = 0;
  for (std::size_t i = 0; i < Layout::kBins; ++i) {
    const Address fd{statics.words[at + 2 * i]};
    const Address bk{statics.words[at + 2 * i + 1]};
    const Address bin = bin_at(statics.address(at + 2 * i));
    const bool empty = fd == bin && bk == bin;
    if (empty || (fd != bin && bk != bin && links_back(peek, bin, fd, bk))) ++sound;
    if (i + 1 - sound > kBinsInMotion) return 0;
  }
  return sound;
}

/// The states from `main`'s next on until the ring closes; nothing where it does not.
std::optional<std::vector<Address>> follow_ring(Peek& peek, Address main, Layout layout,
                                                Address next) {
  std::vector<Address> others;
  std::set<Address> seen;
  while (next != main) {
    if (others.size() >= kArenaLimit || next.value % 16 != 0 || !seen.insert(next).second) {
      return std::nullopt;
    }
    // The largest bin is never used, so it is self-linked in every arena.
    const Address last = next + layout.bins + Layout::kBinBytes - 16_B;
    if (peek.word(last) != bin_at(last).value) return std::nullopt;
    const auto after = peek.word(next + layout.next());
    if (!after) return std::nullopt;
    others.push_back(next);
    next = Address{*after};
  }
  // A new arena is put right behind the main one.
  std::reverse(others.begin(), others.end());
  return others;
}

/// The heads that known builds have first, then any that malloc_state could have.
std::vector<Bytes> heads() {
  std::vector<Bytes> all{112_B, 104_B, 24_B};
  for (std::uint64_t head = 16; head <= 256; head += 8) all.push_back(Bytes{head});
  return all;
}

std::optional<MainArena> arena_by_bins(Peek& peek, const AnonymousMemory& memory,
                                       const StaticWords& statics, std::size_t at,
                                       std::size_t sound) {
  const std::size_t next_at = at + 2 * Layout::kBins + 2;
  if (next_at + 5 >= statics.words.size() || at < 2) return std::nullopt;
  const Address bins = statics.address(at);
  const Address next{statics.words[next_at]};
  const Address top{statics.words[at - 2]};
  // An arena that never had a chunk has its own bin for a top: another allocator serves here.
  const bool unused = top == bin_at(bins);
  if (!unused && !memory.find_writable(top)) return std::nullopt;
  for (const Bytes head : heads()) {
    const Address state = bins - head;
    if (state < statics.start || state.value % 8 != 0) continue;
    const Layout layout{head};
    auto others = follow_ring(peek, state, layout, next);
    if (!others) continue;
    if (unused && others->empty()) return std::nullopt;
    MainArena found{state, layout, unused ? Address{} : top, true, {}, std::move(*others), {}};
    const std::uint64_t flags = statics.words[(state - statics.start) / 8_B] >> 32;
    found.contiguous = (flags & kNoncontiguous.value) == 0;
    found.system_mem = Bytes{statics.words[next_at + 3]};
    found.evidence = fmt::format(
        "{} of {} bins link back to themselves, the ring of {} arenas closes, the first bin "
        "stands {} bytes into malloc_state",
        sound, Layout::kBins, found.others.size() + 1, head.value);
    return found;
  }
  return std::nullopt;
}

}  // namespace

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
      const std::size_t sound = count_sound_bins(peek, part, at);
      if (sound == 0) continue;
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
