#include "inspect/target/process_text.h"

#include <elf.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace strata {
namespace {

std::optional<Address> parse_pointer(std::string_view word) {
  if (!word.starts_with("0x")) return std::nullopt;
  word.remove_prefix(2);
  Address a;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), a.value, 16);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return a;
}

}  // namespace

std::string_view fields_after_comm(std::string_view stat) {
  const std::size_t close = stat.rfind(')');
  if (close == std::string_view::npos || close + 2 >= stat.size()) return {};
  return stat.substr(close + 2);
}

void parse_syscall(std::string_view text, Thread& thread) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (words.size() != 3 && words.size() != 9) return;
  const auto stack_pointer = parse_pointer(words[words.size() - 2]);
  const auto instruction_pointer = parse_pointer(words[words.size() - 1]);
  if (!stack_pointer || !instruction_pointer) return;
  thread.stack_pointer = stack_pointer;
  thread.instruction_pointer = instruction_pointer;
}

std::optional<pid_t> last_number(std::string_view status, std::string_view key) {
  const std::size_t line = status.find(key);
  if (line == std::string_view::npos) return std::nullopt;
  const std::size_t from = line + key.size();
  const std::string_view numbers = status.substr(from, status.find('\n', from) - from);
  if (!numbers.starts_with('\t')) return std::nullopt;
  const std::string_view last = numbers.substr(numbers.rfind('\t') + 1);
  pid_t number = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), number);
  const bool whole = error == std::errc{} && end == last.data() + last.size() && number > 0;
  return whole ? std::optional(number) : std::nullopt;
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
