#include "inspect/object/utf.h"

#include <algorithm>

namespace strata {
namespace {

constexpr std::uint32_t kMostCodePoint = 0x10FFFF;

constexpr bool is_surrogate(std::uint32_t c) { return c >= 0xD800 && c < 0xE000; }

}  // namespace

DecodedCharacter decode_utf8(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {.is_cut_off = true};
  const auto lead = std::to_integer<std::uint32_t>(bytes[0]);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t code_point = lead & (0x7Fu >> size);
  const std::size_t held = std::min(size, bytes.size());
  for (std::size_t i = 1; i < held; ++i) {
    const auto next = std::to_integer<std::uint32_t>(bytes[i]);
    if ((next & 0xC0) != 0x80) return {};
    code_point = code_point << 6 | (next & 0x3F);
  }
  if (held < size) return {.is_cut_off = true};
  const std::uint32_t least = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
  if (code_point < least || code_point > kMostCodePoint || is_surrogate(code_point)) return {};
  return {code_point, size};
}

DecodedCharacter decode_utf16(std::span<const std::byte> bytes) {
  const auto unit = [&](std::size_t i) {
    return std::to_integer<std::uint32_t>(bytes[2 * i]) |
           std::to_integer<std::uint32_t>(bytes[2 * i + 1]) << 8;
  };
  if (bytes.size() < 2) return {.is_cut_off = true};
  const std::uint32_t first = unit(0);
  if (!is_surrogate(first)) return {first, 2};
  if (first >= 0xDC00) return {};
  if (bytes.size() < 4) return {.is_cut_off = true};
  const std::uint32_t second = unit(1);
  if (second < 0xDC00 || second >= 0xE000) return {};
  return {0x10000 + ((first - 0xD800) << 10 | (second - 0xDC00)), 4};
}

void append_utf8(std::string& text, std::uint32_t code_point) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  const auto put_rest = [&](int shift) { put(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put_rest(0);
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put_rest(6);
    put_rest(0);
  } else {
    put(0xF0 | code_point >> 18);
    put_rest(12);
    put_rest(6);
    put_rest(0);
  }
}

}  // namespace strata
