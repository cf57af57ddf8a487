#include "base/humanised.h"

#include <fmt/core.h>

#include <array>

namespace strata {

std::string humanised(Bytes bytes) {
  constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes.value);
  std::size_t unit = 0;
  // 1023.95 would be shown as 1024.0.
  while (value >= (unit == 0 ? 1024.0 : 1023.95) && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0) return fmt::format("{} B", bytes.value);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace strata
