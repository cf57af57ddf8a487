// present/numerals.h - numbers as text.
// Lists have millions of them: this is several times as fast as formatting, and allocates nothing
// for what is no longer than an address.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>

namespace strata {

/// "0x7ffd5a1c2e40".
inline std::string hexadecimal(std::uint64_t number) {
  char text[18] = {'0', 'x'};
  return {text, std::to_chars(text + 2, std::end(text), number, 16).ptr};
}

inline std::string decimal(std::uint64_t number) {
  char text[20];
  return {text, std::to_chars(text, std::end(text), number).ptr};
}

/// "1,234,567", for people.
inline std::string grouped(std::uint64_t number) {
  std::string digits = decimal(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

}  // namespace strata
