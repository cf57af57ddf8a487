// inspect/object/utf.h - one character of UTF-8 or UTF-16LE at a time, out of bytes nobody vouches
// for.
// Source  RFC 3629, RFC 2781.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace strata {

struct DecodedCharacter {
  std::uint32_t code_point = 0;
  std::size_t size = 0;     ///< in bytes; 0: what is there is no character
  bool is_cut_off = false;  ///< with size 0: it could become one if there were more bytes
};

/// Shortest forms only, no surrogates, at most U+10FFFF.
DecodedCharacter decode_utf8(std::span<const std::byte> bytes);
DecodedCharacter decode_utf16(std::span<const std::byte> bytes);

/// Appends `code_point` in UTF-8.
void append_utf8(std::string& text, std::uint32_t code_point);

}  // namespace strata
