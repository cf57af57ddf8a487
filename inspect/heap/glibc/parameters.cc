#include "inspect/heap/glibc/parameters.h"

#include <algorithm>
#include <array>
#include <map>

namespace strata::glibc {
namespace {

constexpr std::uint64_t kArenaTest = 8;  // of 64-bit builds
constexpr std::uint32_t kMmapLimit = 65536;
constexpr Bytes kPage = 4_KiB;

/// malloc_par by the words from its start to sbrk_base, and the 4-byte place of n_mmaps.
struct Shape {
  std::size_t sbrk_base;  // in words
  std::size_t n_mmaps;    // in 4-byte words; n_mmaps_max, max_n_mmaps, no_dyn_threshold follow
  std::size_t thp_page;   // in words; 0 where there is none
  bool drifts;            // what is mapped is counted with 16 bytes more for each mremap()
};
// 2.24 to 2.34; 2.35 to 2.42, with huge pages; 2.43, with thp_mode.
constexpr std::array kShapes = {Shape{9, 10, 0, false}, Shape{12, 15, 5, false},
                                Shape{13, 17, 6, true}};
constexpr std::size_t kWords = 17;  // up to tcache_count, of the longest

struct Fit {
  Parameters parameters;
  int defaults = 0;  // how many fields are as glibc has them when nobody changes them
};

/// Fewer bins than this are tunables' doing, and a small number proves little: they are looked for
/// where nothing else fits.
constexpr std::uint64_t kUsualBins = 32;

std::optional<Fit> fit(const StaticWords& statics, std::size_t at, Shape shape,
                       std::uint64_t least_bins, const AnonymousMemory& memory) {
  const auto word = [&](std::size_t i) { return statics.words[at + i]; };
  const auto half = [&](std::size_t i) {
    return static_cast<std::uint32_t>(word(i / 2) >> (i % 2 * 32));
  };
  Parameters p;
  p.sbrk_base = Address{word(shape.sbrk_base)};
  p.trim_threshold = Bytes{word(0)};
  p.top_pad = Bytes{word(1)};
  p.mmap_threshold = Bytes{word(2)};
  p.arena_max = word(4);
  if (shape.thp_page != 0) p.thp_page = Bytes{word(shape.thp_page)};
  p.mmapped_chunks = half(shape.n_mmaps);
  p.mmapped_limit = half(shape.n_mmaps + 1);
  p.most_mmapped_chunks = half(shape.n_mmaps + 2);
  const std::uint32_t fixed = half(shape.n_mmaps + 3);
  p.thresholds_move = fixed == 0;
  const Bytes mmapped{word(shape.sbrk_base - 2)};
  p.mmapped_bytes = shape.drifts ? kPage * (mmapped / kPage) : mmapped;
  p.mmapped_bytes_drift = shape.drifts;
  p.most_mmapped_bytes = Bytes{word(shape.sbrk_base - 1)};
  const std::uint64_t arena_test = word(3);
  const std::uint64_t cache_bins = word(shape.sbrk_base + 1);
  p.cached_below = Bytes{word(shape.sbrk_base + 2)};
  p.cached_each = word(shape.sbrk_base + 3);

  if (cache_bins < least_bins || cache_bins > 256 || p.cached_below > 64_MiB) return std::nullopt;
  if (p.cached_each > 65535 || fixed > 1) return std::nullopt;
  const std::uint32_t count = p.mmapped_chunks;
  if (count > p.most_mmapped_chunks || p.most_mmapped_chunks > p.mmapped_limit) return std::nullopt;
  if (mmapped > p.most_mmapped_bytes) return std::nullopt;
  if (mmapped.value % (shape.drifts ? 16 : kPage.value) != 0) return std::nullopt;
  if (p.mmapped_bytes / kPage < count) return std::nullopt;
  if (count == 0 && p.mmapped_bytes > 0_B && !shape.drifts) return std::nullopt;
  if (p.mmap_threshold > 1_GiB || p.top_pad > 1_GiB) return std::nullopt;
  // A huge page, or none.
  if (p.thp_page.value % 4096 != 0 || p.thp_page > 1_GiB) return std::nullopt;
  const bool unused = p.mmapped_limit == kMmapLimit && arena_test == kArenaTest;
  if (p.sbrk_base.value == 0 ? !unused : !memory.find_writable(p.sbrk_base)) return std::nullopt;
  if (arena_test == 0 || arena_test > 65536) return std::nullopt;
  const int defaults = (p.mmapped_limit == kMmapLimit) + (arena_test == kArenaTest) +
                       (cache_bins == 64) + (p.cached_each == 7 || p.cached_each == 16) +
                       (p.mmap_threshold >= 128_KiB) + (p.trim_threshold >= 128_KiB);
  return Fit{p, defaults};
}

std::optional<Parameters> find_with(const std::vector<StaticWords>& statics,
                                    std::uint64_t least_bins, const AnonymousMemory& memory) {
  std::map<Address, Fit> fitting;  // by where sbrk_base stands
  for (const StaticWords& part : statics) {
    for (std::size_t at = 0; at + kWords < part.words.size(); ++at) {
      // arena_test is small and never 0: most places are out by this alone.
      if (part.words[at + 3] == 0 || part.words[at + 3] > 65536) continue;
      for (const Shape shape : kShapes) {
        const auto found = fit(part, at, shape, least_bins, memory);
        if (!found) continue;
        // Two builds' shapes can fit the same place and differ in what stands before it.
        const auto [known, is_new] = fitting.emplace(part.address(at + shape.sbrk_base), *found);
        if (!is_new && found->defaults > known->second.defaults) known->second = *found;
      }
    }
  }
  if (fitting.size() != 1) return std::nullopt;
  return fitting.begin()->second.parameters;
}

}  // namespace

std::optional<Parameters> find_parameters(const std::vector<StaticWords>& statics,
                                          const AnonymousMemory& memory) {
  const auto usual = find_with(statics, kUsualBins, memory);
  return usual ? usual : find_with(statics, 1, memory);
}

}  // namespace strata::glibc
