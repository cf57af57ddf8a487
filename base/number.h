// base/number.h - numbers at the front of a text, as the kernel writes them in /proc.
// Apart from std::from_chars() because a process has tens of thousands of mappings: this is
// twice as fast for the two addresses of a line.
// Errors  False where there is no digit or the number does not fit 64 bits; `text` is then
// undefined.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace strata {

/// The value of each hexadecimal digit; kNoDigit for all other characters.
inline constexpr std::uint8_t kNoDigit = 0xFF;
inline constexpr std::array<std::uint8_t, 256> kHexDigits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::uint8_t i = 0; i < 10; ++i) digits[std::size_t{'0'} + i] = i;
  for (std::uint8_t i = 10; i < 16; ++i) {
    digits[std::size_t{'a'} + i - 10] = digits[std::size_t{'A'} + i - 10] = i;
  }
  return digits;
}();

/// Takes a hexadecimal number without prefix off the front.
constexpr bool take_hex(std::string_view& text, std::uint64_t& value) {
  std::uint64_t sum = 0;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const std::uint8_t digit = kHexDigits[static_cast<unsigned char>(text[at])];
    if (digit == kNoDigit) break;
    if (sum >> 60 != 0) return false;
    sum = sum << 4 | digit;
  }
  value = sum;
  text.remove_prefix(at);
  return at > 0;
}

}  // namespace strata
