// inspect/heap/glibc/near_search.h - finds a chunk among those that were kept by number, from where
// the last one was found: lists mostly lead to what was freed next, and so stands near.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace strata::glibc {

/// The place of `chunk` in `kept`, whose elements ascend by their `chunk`; its size where it is not
/// there. `near` is any place, or its size.
template <class Array>
std::size_t find_near(const Array& kept, std::uint32_t chunk, std::size_t near) {
  const std::size_t size = kept.size();
  std::size_t low = 0, high = size;
  std::size_t step = 1;
  if (near < size && kept[near].chunk <= chunk) {
    low = near;
    for (; low + step < size && kept[low + step].chunk <= chunk; step *= 2) low += step;
    high = std::min(size, low + step);
  } else if (near < size) {
    high = near;
    for (; step < high && kept[high - step].chunk > chunk; step *= 2) high -= step;
    low = step < high ? high - step : 0;
  }
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (kept[middle].chunk < chunk) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < size && kept[low].chunk == chunk ? low : size;
}

}  // namespace strata::glibc
