#include "inspect/object/bands.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace strata {
namespace {

// Ranges that lie closer together are one band.
constexpr Bytes kBandGap = 1_GiB;

std::uint64_t between_one_by_one(const std::uint64_t* words, std::uint64_t lowest,
                                 std::uint64_t span) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    bits |= std::uint64_t{words[i] - lowest < span} << i;
  }
  return bits;
}

#if defined(__x86_64__)
// Four at a time; what compares is signed, so all are moved down by half of what there is.
__attribute__((target("avx2"))) std::uint64_t between_by_four(const std::uint64_t* words,
                                                              std::uint64_t lowest,
                                                              std::uint64_t span) {
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
  const __m256i base = _mm256_set1_epi64x(static_cast<long long>(lowest + kHalf));
  const __m256i end = _mm256_set1_epi64x(static_cast<long long>(span + kHalf));
  std::uint64_t bits = 0;
  for (int i = 0; i < 64; i += 4) {
    const __m256i four = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words + i));
    const __m256i inside = _mm256_cmpgt_epi64(end, _mm256_sub_epi64(four, base));
    const auto four_bits = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(inside)));
    bits |= std::uint64_t{four_bits} << i;
  }
  return bits;
}
#endif

}  // namespace

Bands::Bands(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end());
  Range band;
  const auto close = [&] {
    if (band.empty()) return;
    lowest_[count_] = band.start.value;
    span_[count_++] = band.size().value;
  };
  for (const Range& range : ranges) {
    if (!band.empty() && (range.start <= band.end + kBandGap || count_ + 1 == kMost)) {
      band.end = std::max(band.end, range.end);
    } else {
      close();
      band = range;
    }
  }
  close();
  if (count_ > 0) hull_ = lowest_[count_ - 1] + span_[count_ - 1] - lowest_[0];
}

std::uint64_t Bands::between(const std::uint64_t* words) const {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return between_by_four(words, lowest_[0], hull_);
#endif
  return between_one_by_one(words, lowest_[0], hull_);
}

}  // namespace strata
