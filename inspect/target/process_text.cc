#include "inspect/target/process_text.h"

#include <elf.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace strata {
namespace {

/// The whole of `word` as a number.
template <class T>
std::optional<T> parse_whole(std::string_view word, int base = 10) {
  T number{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, base);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> parse_hexadecimal(std::string_view word) {
  if (!word.starts_with("0x")) return std::nullopt;
  return parse_whole<std::uint64_t>(word.substr(2), 16);
}

/// Takes the next word off `text`; empty where there is none left.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(" \t\n"));
  text.remove_prefix(word.size());
  return word;
}

/// What stands behind `key` on its line.
std::optional<std::string_view> find_line(std::string_view status, std::string_view key) {
  const std::size_t line = status.find(key);
  if (line == std::string_view::npos) return std::nullopt;
  const std::size_t from = line + key.size();
  return status.substr(from, status.find('\n', from) - from);
}

}  // namespace

std::string_view fields_after_comm(std::string_view stat) {
  const std::size_t close = stat.rfind(')');
  if (close == std::string_view::npos || close + 2 >= stat.size()) return {};
  return stat.substr(close + 2);
}

std::optional<StatHead> parse_stat_head(std::string_view stat) {
  std::string_view fields = fields_after_comm(stat);
  const std::size_t open = stat.find('(');
  if (fields.empty() || open == std::string_view::npos || open > stat.rfind(')')) {
    return std::nullopt;
  }
  StatHead head;
  head.name = stat.substr(open + 1, stat.rfind(')') - open - 1);
  head.state = fields[0];
  take_word(fields);
  const auto parent = parse_whole<pid_t>(take_word(fields));
  if (!parent || *parent < 0) return std::nullopt;
  head.parent = *parent;
  return head;
}

std::optional<BlockedCall> parse_blocked_call(std::string_view text) {
  std::vector<std::string_view> words;
  for (auto word = take_word(text); !word.empty(); word = take_word(text)) words.push_back(word);
  if (words.size() != 3 && words.size() != 9) return std::nullopt;
  const auto stack_pointer = parse_hexadecimal(words[words.size() - 2]);
  const auto instruction_pointer = parse_hexadecimal(words[words.size() - 1]);
  if (!stack_pointer || !instruction_pointer) return std::nullopt;
  BlockedCall call;
  call.stack_pointer = Address{*stack_pointer};
  call.instruction_pointer = Address{*instruction_pointer};
  if (words.size() == 9) {
    call.number = parse_whole<std::uint64_t>(words[0]);
    call.first_argument = parse_hexadecimal(words[1]).value_or(0);
  }
  return call;
}

std::vector<pid_t> parse_children(std::string_view text) {
  std::vector<pid_t> children;
  for (auto word = take_word(text); !word.empty(); word = take_word(text)) {
    const auto child = parse_whole<pid_t>(word);
    if (!child || *child <= 0) break;
    children.push_back(*child);
  }
  return children;
}

std::optional<std::uint64_t> first_number(std::string_view status, std::string_view key) {
  auto line = find_line(status, key);
  return line ? parse_whole<std::uint64_t>(take_word(*line)) : std::nullopt;
}

std::optional<pid_t> last_number(std::string_view status, std::string_view key) {
  const auto line = find_line(status, key);
  if (!line || !line->starts_with('\t')) return std::nullopt;
  const auto number = parse_whole<pid_t>(line->substr(line->rfind('\t') + 1));
  return number && *number > 0 ? number : std::nullopt;
}

std::optional<pid_t> inner_pid(std::string_view status) { return last_number(status, "\nNSpid:"); }

std::vector<AuxiliaryEntry> parse_auxiliary_vector(std::string_view bytes) {
  std::vector<AuxiliaryEntry> entries;
  AuxiliaryEntry entry;
  while (bytes.size() >= sizeof(entry)) {
    std::memcpy(&entry, bytes.data(), sizeof(entry));
    if (entry.type == AT_NULL) break;
    entries.push_back(entry);
    bytes.remove_prefix(sizeof(entry));
  }
  return entries;
}

}  // namespace strata
