// malloc/size_class.h - the sizes that blocks come in.
//
//     class   1   2  …  16 |  17  …  24 |  25  …   32 |   33   34 …    54   larger
//     size   16  32  … 256 | 288  … 512 | 576  … 1024 | 1280 1536 … 32768   runs of pages
//                          small                      |       medium        (page_heap.h)
//
// Up to 256 bytes they are 16 apart, so that what is asked for is rounded as little as alignment
// allows; then eight to a doubling, and of medium ones four, which wastes at most a fifth. Right
// above 4 and 8 KiB there is one more: pages of databases, with a header each.
//
// Units  bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace strata::alloc {

inline constexpr std::size_t kGranule = 16;         // of small blocks: their alignment
inline constexpr std::size_t kMediumGranule = 256;  // of medium ones
inline constexpr std::size_t kMostSmall = 1024;
inline constexpr std::size_t kMostMedium = 32768;
inline constexpr unsigned kSmallClasses = 32;
inline constexpr unsigned kClasses = 55;  // 0 is none

namespace detail {

constexpr std::array<std::uint16_t, kClasses> make_sizes() {
  std::array<std::uint16_t, kClasses> sizes{};
  unsigned at = 0;
  const auto add = [&](std::size_t size) { sizes[++at] = static_cast<std::uint16_t>(size); };
  for (std::size_t size = kGranule; size <= 256; size += kGranule) add(size);
  for (std::size_t size = 288; size <= 512; size += 32) add(size);
  for (std::size_t size = 576; size <= 1024; size += 64) add(size);
  for (std::size_t from = 1024; from < kMostMedium; from *= 2) {
    if (from == 4096 || from == 8192) add(from + from / 8);
    for (unsigned quarter = 1; quarter <= 4; ++quarter) add(from + from / 4 * quarter);
  }
  return sizes;
}
inline constexpr auto kSizes = make_sizes();
static_assert(kSizes[kSmallClasses] == kMostSmall && kSizes[kClasses - 1] == kMostMedium);

/// By how many granules are asked for; none is as one.
template <std::size_t kStep, std::size_t kMost, unsigned kFirst>
constexpr std::array<std::uint8_t, kMost / kStep + 1> make_classes() {
  std::array<std::uint8_t, kMost / kStep + 1> classes{};
  unsigned c = kFirst;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    while (kSizes[c] < i * kStep) ++c;
    classes[i] = static_cast<std::uint8_t>(c);
  }
  return classes;
}
inline constexpr auto kSmallClassOf = make_classes<kGranule, kMostSmall, 1>();
inline constexpr auto kMediumClassOf =
    make_classes<kMediumGranule, kMostMedium, kSmallClasses + 1>();

}  // namespace detail

constexpr bool is_small(unsigned size_class) { return size_class <= kSmallClasses; }
constexpr std::size_t size_of_class(unsigned size_class) { return detail::kSizes[size_class]; }

/// Of up to kMostSmall bytes.
constexpr unsigned small_class_of(std::size_t bytes) {
  return detail::kSmallClassOf[(bytes + kGranule - 1) / kGranule];
}
/// Of more than kMostSmall and up to kMostMedium.
constexpr unsigned medium_class_of(std::size_t bytes) {
  return detail::kMediumClassOf[(bytes + kMediumGranule - 1) / kMediumGranule];
}
/// Of up to kMostMedium.
constexpr unsigned class_of(std::size_t bytes) {
  return bytes <= kMostSmall ? small_class_of(bytes) : medium_class_of(bytes);
}
/// Whose blocks are aligned so, a power of two; 0 where only runs of pages are, or hold so much.
/// Spans begin at multiples of all these, so a block is aligned where its size is a multiple.
constexpr unsigned aligned_class_of(std::size_t bytes, std::size_t alignment) {
  if (bytes > kMostMedium || alignment > kMostMedium) return 0;
  if (alignment <= kGranule) return class_of(bytes);
  for (unsigned c = class_of(bytes > alignment ? bytes : alignment); c < kClasses; ++c) {
    if (size_of_class(c) % alignment == 0) return c;
  }
  return 0;
}

}  // namespace strata::alloc
