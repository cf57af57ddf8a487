// malloc/size_class.h - the sizes that blocks come in.
//
//     class   1   2   3  …  32 | 33   34   35    36 …  56      larger
//     size   16  32  48  … 512 | 640  768  896  1024 … 32768   runs of pages (page_heap.h)
//               small          |        medium
//
// Small ones are 16 apart, so that what is asked for is rounded as little as alignment allows and
// the class is a shift; medium ones are four to a doubling, which wastes at most a fifth.
//
// Units  bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace strata::alloc {

inline constexpr std::size_t kGranule = 16;         // of small blocks: their alignment
inline constexpr std::size_t kMediumGranule = 128;  // of medium ones
inline constexpr std::size_t kMostSmall = 512;
inline constexpr std::size_t kMostMedium = 32768;
inline constexpr unsigned kSmallClasses = kMostSmall / kGranule;
inline constexpr unsigned kClasses = 57;  // 0 is none

namespace detail {

constexpr std::array<std::uint16_t, kClasses> make_sizes() {
  std::array<std::uint16_t, kClasses> sizes{};
  unsigned at = 0;
  for (unsigned c = 1; c <= kSmallClasses; ++c)
    sizes[++at] = static_cast<std::uint16_t>(c * kGranule);
  for (std::size_t from = kMostSmall; from < kMostMedium; from *= 2) {
    for (unsigned quarter = 1; quarter <= 4; ++quarter) {
      sizes[++at] = static_cast<std::uint16_t>(from + from / 4 * quarter);
    }
  }
  return sizes;
}
inline constexpr auto kSizes = make_sizes();
static_assert(kSizes[kClasses - 1] == kMostMedium);

/// By the number of medium granules asked for.
constexpr std::array<std::uint8_t, kMostMedium / kMediumGranule + 1> make_medium_classes() {
  std::array<std::uint8_t, kMostMedium / kMediumGranule + 1> classes{};
  unsigned c = kSmallClasses + 1;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    while (kSizes[c] < i * kMediumGranule) ++c;
    classes[i] = static_cast<std::uint8_t>(c);
  }
  return classes;
}
inline constexpr auto kMediumClasses = make_medium_classes();

}  // namespace detail

constexpr bool is_small(unsigned size_class) { return size_class <= kSmallClasses; }
constexpr std::size_t size_of_class(unsigned size_class) { return detail::kSizes[size_class]; }

/// Of up to kMostSmall bytes; 0 for none, which callers count as one.
constexpr unsigned small_class_of(std::size_t bytes) {
  return static_cast<unsigned>((bytes + kGranule - 1) / kGranule);
}
/// Of more than kMostSmall and up to kMostMedium.
constexpr unsigned medium_class_of(std::size_t bytes) {
  return detail::kMediumClasses[(bytes + kMediumGranule - 1) / kMediumGranule];
}
/// Of up to kMostMedium.
constexpr unsigned class_of(std::size_t bytes) {
  if (bytes > kMostSmall) return medium_class_of(bytes);
  return bytes == 0 ? 1 : small_class_of(bytes);
}

}  // namespace strata::alloc
