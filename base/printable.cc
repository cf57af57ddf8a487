#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace strata {
namespace {

struct Decoded {
  std::uint32_t code_point;
  std::size_t length;  // 0: not UTF-8
};

// One UTF-8 sequence by RFC 3629: shortest form only, no surrogates, at most U+10FFFF.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return {0, 0};
  std::uint32_t code_point = length == 1 ? lead : lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0, 0};
    code_point = code_point << 6 | (byte(i) & 0x3F);
  }
  const bool overlong =
      (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
  const bool surrogate = code_point >= 0xD800 && code_point < 0xE000;
  if (overlong || surrogate || code_point > 0x10FFFF) return {0, 0};
  return {code_point, length};
}

bool is_control(std::uint32_t c) { return c < 0x20 || c == 0x7F; }
// As \u{85}, since \x85 is the byte of that value, which is not UTF-8.
bool is_second_control(std::uint32_t c) { return c >= 0x80 && c < 0xA0; }

// Characters that show nothing, or change how their neighbours are shown: Unicode's general
// category Cf, the line separators, and the fillers and selectors that have no width.
bool is_formatting(std::uint32_t c) {
  return (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || c == 0x061C || c == 0x00AD || c == 0x034F ||
         c == 0x115F || c == 0x1160 || c == 0x180E || c == 0x3164 || (c >= 0xFE00 && c <= 0xFE0F) ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

}  // namespace

std::string printable(std::string_view raw) {
  const auto stays = [](char c) { return c >= ' ' && c <= '~' && c != '\\'; };
  if (std::all_of(raw.begin(), raw.end(), stays)) return std::string(raw);  // nearly every name
  std::string out;
  out.reserve(raw.size());
  while (!raw.empty()) {
    const Decoded c = decode(raw);
    if (c.length == 0) {
      out += fmt::format("\\x{:02X}", static_cast<unsigned char>(raw[0]));
      raw.remove_prefix(1);
      continue;
    }
    if (c.code_point == '\n') {
      out += "\\n";
    } else if (c.code_point == '\t') {
      out += "\\t";
    } else if (c.code_point == '\\') {
      out += "\\\\";
    } else if (is_control(c.code_point)) {
      out += fmt::format("\\x{:02X}", c.code_point);
    } else if (is_second_control(c.code_point) || is_formatting(c.code_point)) {
      out += fmt::format("\\u{{{:04X}}}", c.code_point);
    } else {
      out += raw.substr(0, c.length);
    }
    raw.remove_prefix(c.length);
  }
  return out;
}

std::string joined(const std::vector<std::string>& path) {
  std::string text;
  for (const std::string& name : path) text += (text.empty() ? "" : " / ") + printable(name);
  return text;
}

}  // namespace strata
