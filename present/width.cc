#include "present/width.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace strata {
namespace {

struct CodePoints {
  std::uint32_t first, last;
  int columns;
};
constexpr CodePoints kOdd[] = {
    {0x0300, 0x036F, 0},   {0x1100, 0x115F, 2},   {0x200B, 0x200F, 0},   {0x2E80, 0x303E, 2},
    {0x3041, 0x33FF, 2},   {0x3400, 0x4DBF, 2},   {0x4E00, 0x9FFF, 2},   {0xA000, 0xA4CF, 2},
    {0xA960, 0xA97F, 2},   {0xAC00, 0xD7A3, 2},   {0xF900, 0xFAFF, 2},   {0xFE00, 0xFE0F, 0},
    {0xFE30, 0xFE6F, 2},   {0xFF00, 0xFF60, 2},   {0xFFE0, 0xFFE6, 2},   {0x1F300, 0x1F64F, 2},
    {0x1F680, 0x1F6FF, 2}, {0x1F900, 0x1F9FF, 2}, {0x20000, 0x2FFFD, 2}, {0x30000, 0x3FFFD, 2},
};

struct Character {
  std::size_t size;  // in bytes
  int columns;
};

/// The first character of `text`, which is not empty.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t size = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (size == 1 || size > text.size()) return {1, 1};
  std::uint32_t code = lead & (0xFFu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {1, 1};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  const auto odd = std::find_if(std::begin(kOdd), std::end(kOdd), [&](const CodePoints& some) {
    return some.first <= code && code <= some.last;
  });
  return {size, odd == std::end(kOdd) ? 1 : odd->columns};
}

}  // namespace

int width_of(std::string_view text) {
  // Nearly all text is ASCII.
  if (std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; })) {
    return static_cast<int>(text.size());
  }
  int columns = 0;
  while (!text.empty()) {
    const Character c = first_character(text);
    columns += c.columns;
    text.remove_prefix(c.size);
  }
  return columns;
}

std::string_view first_columns(std::string_view text, int columns) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Character c = first_character(text.substr(at));
    columns -= c.columns;
    if (columns < 0) break;
    at += c.size;
  }
  return text.substr(0, at);
}

}  // namespace strata
