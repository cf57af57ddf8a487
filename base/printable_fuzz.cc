// Whatever a name holds, what is shown of it is valid UTF-8 without a control or an invisible
// character, and the name can be had back from it.
#include <cstdint>
#include <cstdlib>

#include "base/printable.h"

namespace {

void require(bool condition) {
  if (!condition) abort();
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

/// Undoes printable() by its documentation.
std::string raw_of(const std::string& shown) {
  std::string out;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (shown[i] != '\\') {
      out += shown[i];
      continue;
    }
    require(++i < shown.size());
    const std::size_t brace = shown.find('}', i);
    switch (shown[i]) {
      case '\\':
        out += '\\';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'x':
        require(i + 2 < shown.size());
        out += static_cast<char>(std::strtoul(shown.substr(i + 1, 2).c_str(), nullptr, 16));
        i += 2;
        break;
      case 'u':
        require(brace != std::string::npos);
        append_utf8(out, static_cast<std::uint32_t>(std::strtoul(
                             shown.substr(i + 2, brace - i - 2).c_str(), nullptr, 16)));
        i = brace;
        break;
      default:
        abort();
    }
  }
  return out;
}

/// Decodes by arithmetic alone, unlike printable.cc: a character is what encodes to these bytes.
void require_clean(const std::string& shown) {
  for (std::size_t at = 0; at < shown.size();) {
    const auto lead = static_cast<unsigned char>(shown[at]);
    std::size_t length = 1;
    std::uint32_t c = lead;
    if (lead >= 0xC0) {
      length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
      require(at + length <= shown.size());
      c = lead & (0x7Fu >> length);
      for (std::size_t i = 1; i < length; ++i) {
        c = c << 6 | (static_cast<unsigned char>(shown[at + i]) & 0x3F);
      }
    }
    std::string again;
    append_utf8(again, c);
    require(shown.compare(at, length, again) == 0);
    require(c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF));
    require(c >= 0x20 && !(c >= 0x7F && c < 0xA0));
    require(!(c >= 0x200B && c <= 0x200F) && !(c >= 0x2028 && c <= 0x202E) && c != 0xFEFF);
    at += length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(bytes), size);
  const std::string shown = strata::printable(raw);
  require_clean(shown);
  require(raw_of(shown) == raw);
  return 0;
}
