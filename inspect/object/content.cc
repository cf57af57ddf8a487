#include "inspect/object/content.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "inspect/object/utf.h"

namespace strata {
namespace {

constexpr std::size_t kLeastText = 8;
constexpr std::size_t kLeastName = 5;
constexpr std::size_t kLeastUnended = 32;
constexpr std::size_t kLeastUnits = 6;

using Seen = std::span<const std::byte>;
using Decode = DecodedCharacter (*)(Seen);

bool is_graphic_or_space(std::uint32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r' || c == 0x1B;
  if (c < 0xA0) return c < 0x7F;
  // Private use has no meaning that others share, and U+xFFFE and U+xFFFF are no characters.
  const bool is_private = (c >= 0xE000 && c < 0xF900) || c >= 0xF0000;
  const bool is_none = (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c < 0xFDF0);
  return !is_private && !is_none;
}

bool is_of_name(std::byte byte) {
  const char c = static_cast<char>(byte);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" _-./:").find(c) != std::string_view::npos;
}

/// The printable characters that a block begins with.
struct Run {
  std::size_t size = 0;
  std::size_t ascii = 0;  // of its characters
  enum class End { kNul, kSeen, kOther } end = End::kSeen;
};

Run find_run(Seen seen, Decode decode) {
  Run run;
  while (run.size < seen.size()) {
    const DecodedCharacter next = decode(seen.subspan(run.size));
    if (next.is_cut_off) return run;
    if (next.size == 0 || !is_graphic_or_space(next.code_point)) {
      run.end = next.size != 0 && next.code_point == 0 ? Run::End::kNul : Run::End::kOther;
      return run;
    }
    run.size += next.size;
    run.ascii += next.code_point < 0x80 ? 1 : 0;
  }
  return run;
}

bool is_text_utf8(Seen seen, const Run& run) {
  if (run.end == Run::End::kOther) return run.size >= kLeastUnended && run.size * 2 >= seen.size();
  if (run.size >= kLeastText) return true;
  return run.size >= kLeastName && run.end == Run::End::kNul &&
         std::all_of(seen.begin(), seen.begin() + run.size, is_of_name);
}

bool is_text_utf16(const Run& run) {
  const std::size_t units = run.size / 2;
  return run.end != Run::End::kOther && units >= kLeastUnits && run.ascii * 4 >= units * 3;
}

Content text_of(TextEncoding encoding, const Run& run, Seen seen, Bytes size) {
  const bool goes_on = run.end == Run::End::kSeen && Bytes{seen.size()} < size;
  return {ContentKind::kText, encoding, Bytes{run.size}, !goes_on};
}

bool holds_pointers(Seen seen, const IsPointer& is_pointer) {
  std::size_t set = 0;
  std::size_t pointers = 0;
  for (std::size_t at = 0; at + 8 <= seen.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, seen.data() + at, sizeof word);
    if (word == 0) continue;
    ++set;
    if (is_pointer(Address{word})) ++pointers;
  }
  return pointers * 2 > set;
}

}  // namespace

Content classify(Seen seen, Bytes size, const IsPointer& is_pointer) {
  seen = seen.first(std::min<std::size_t>({seen.size(), kMostSeen.value, size.value}));
  if (seen.empty()) return {};
  const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
  if (std::all_of(seen.begin(), seen.end(), is_zero)) return {.kind = ContentKind::kZeros};
  if (holds_pointers(seen, is_pointer)) return {.kind = ContentKind::kPointers};
  const Run narrow = find_run(seen, decode_utf8);
  if (is_text_utf8(seen, narrow)) return text_of(TextEncoding::kUtf8, narrow, seen, size);
  const Run wide = find_run(seen, decode_utf16);
  if (is_text_utf16(wide)) return text_of(TextEncoding::kUtf16, wide, seen, size);
  return {.kind = ContentKind::kBytes};
}

std::string excerpt(Seen seen, const Content& content, Bytes most) {
  std::string text;
  if (content.kind != ContentKind::kText) return text;
  const Decode decode = content.encoding == TextEncoding::kUtf8 ? decode_utf8 : decode_utf16;
  Seen rest = seen.first(std::min<std::size_t>(seen.size(), content.text_size.value));
  while (!rest.empty()) {
    const DecodedCharacter next = decode(rest);
    if (next.size == 0) break;
    const std::size_t before = text.size();
    append_utf8(text, next.code_point);
    if (text.size() > most.value) {
      text.resize(before);
      break;
    }
    rest = rest.subspan(next.size);
  }
  return text;
}

}  // namespace strata
