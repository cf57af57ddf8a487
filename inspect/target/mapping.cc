#include "inspect/target/mapping.h"

#include <charconv>

#include "base/number.h"
#include "base/printable.h"

namespace strata {
namespace {

constexpr std::string_view kDeleted = " (deleted)";

Failure corrupt(std::string_view line, std::string_view field) {
  return fail(Cause::kCorrupt, "a line of /proc/PID/maps has no valid {}: \"{}\"", field,
              printable(line.substr(0, 200)));
}

/// Takes an address or offset off the front of `text` and the separator behind it.
bool take_hex_until(std::string_view& text, char separator, std::uint64_t& value) {
  if (!take_hex(text, value) || text.empty() || text[0] != separator) return false;
  text.remove_prefix(1);
  return true;
}

/// Takes a number off the front of `text` and the separator behind it.
template <class T>
bool take_number(std::string_view& text, int base, char separator, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end == text.data() + text.size() || *end != separator) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

/// The kernel writes a newline in a path as \012 and nothing else escaped (seq_file_path()).
std::string unescape(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    if (name.starts_with("\\012")) {
      out += '\n';
      name.remove_prefix(4);
    } else {
      out += name[0];
      name.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

std::string protection(const Mapping& mapping) {
  return {mapping.readable ? 'r' : '-', mapping.writable ? 'w' : '-',
          mapping.executable ? 'x' : '-', mapping.shared ? 's' : 'p'};
}

Result<Mapping> parse_mapping(std::string_view line) {
  Mapping m;
  std::string_view rest = line;
  if (!take_hex_until(rest, '-', m.range.start.value) ||
      !take_hex_until(rest, ' ', m.range.end.value) || m.range.empty()) {
    return corrupt(line, "range");
  }
  if (rest.size() < 5 || rest[4] != ' ') return corrupt(line, "protection");
  const auto flag = [&](std::size_t i, char set) { return rest[i] == set; };
  for (std::size_t i = 0; i < 3; ++i) {
    if (!flag(i, "rwx"[i]) && !flag(i, '-')) return corrupt(line, "protection");
  }
  if (!flag(3, 'p') && !flag(3, 's')) return corrupt(line, "protection");
  m.readable = flag(0, 'r');
  m.writable = flag(1, 'w');
  m.executable = flag(2, 'x');
  m.shared = flag(3, 's');
  rest.remove_prefix(5);
  if (!take_hex_until(rest, ' ', m.offset.value)) return corrupt(line, "offset");
  if (!take_number(rest, 16, ':', m.device_major) || !take_number(rest, 16, ' ', m.device_minor)) {
    return corrupt(line, "device");
  }
  // The inode is followed by a space even where no name follows.
  if (!take_number(rest, 10, ' ', m.inode)) return corrupt(line, "inode");
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  // A file may really be called "x (deleted)"; the kernel's mark is the last one, and only what
  // has an inode can be deleted.
  if (m.has_file() && rest.ends_with(kDeleted)) {
    m.deleted = true;
    rest.remove_suffix(kDeleted.size());
  }
  m.name = rest.find('\\') == std::string_view::npos ? std::string(rest) : unescape(rest);
  return m;
}

Result<std::vector<Mapping>> parse_mappings(std::string_view text) {
  std::vector<Mapping> mappings;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    auto mapping = parse_mapping(text.substr(0, length));
    if (!mapping) return pass(mapping);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (!mappings.empty() && mapping->range.start < mappings.back().range.end) {
      // /proc/PID/maps is written a page at a time; a mapping that grows or moves between two
      // pages can come twice. What was seen first stays.
      if (mapping->range.end <= mappings.back().range.end) continue;
      mapping->offset += mappings.back().range.end - mapping->range.start;
      mapping->range.start = mappings.back().range.end;
    }
    mappings.push_back(std::move(*mapping));
  }
  return mappings;
}

}  // namespace strata
