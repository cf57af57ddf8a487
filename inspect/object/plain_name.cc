#include "inspect/object/plain_name.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace strata {
namespace {

using Named = std::pair<std::string_view, std::string_view>;

constexpr std::array<Named, 7> kShort = {{{"St", "std"},
                                          {"Sa", "std::allocator"},
                                          {"Sb", "std::basic_string"},
                                          {"Ss", "std::string"},
                                          {"Si", "std::istream"},
                                          {"So", "std::ostream"},
                                          {"Sd", "std::iostream"}}};
constexpr std::array<Named, 34> kOperators = {
    {{"nw", "operator new"},      {"na", "operator new[]"}, {"dl", "operator delete"},
     {"da", "operator delete[]"}, {"pl", "operator+"},      {"mi", "operator-"},
     {"ml", "operator*"},         {"dv", "operator/"},      {"rm", "operator%"},
     {"aN", "operator&="},        {"an", "operator&"},      {"oR", "operator|="},
     {"or", "operator|"},         {"eo", "operator^"},      {"co", "operator~"},
     {"aS", "operator="},         {"pL", "operator+="},     {"mI", "operator-="},
     {"ls", "operator<<"},        {"rs", "operator>>"},     {"eq", "operator=="},
     {"ne", "operator!="},        {"lt", "operator<"},      {"gt", "operator>"},
     {"le", "operator<="},        {"ge", "operator>="},     {"ss", "operator<=>"},
     {"nt", "operator!"},         {"pp", "operator++"},     {"mm", "operator--"},
     {"cl", "operator()"},        {"ix", "operator[]"},     {"pt", "operator->"},
     {"de", "operator*"}}};

class Parse {
 public:
  explicit Parse(std::string_view rest) : rest_(rest) {}

  std::optional<std::string> function() {
    if (!take("_Z")) return std::nullopt;
    const bool is_nested = take("N");
    if (is_nested) {
      while (!rest_.empty() && std::string_view("rVKRO").find(rest_[0]) != rest_.npos) skip(1);
    }
    while (!rest_.empty()) {
      if (rest_[0] == 'E') break;
      if (rest_[0] == 'I') {
        if (!skip_arguments()) return std::nullopt;
        continue;
      }
      const std::size_t before = name_.size();
      if (!part()) return std::nullopt;
      // One name is all that one outside of a class or namespace has; "std" is none by itself.
      if (!is_nested && name_.size() > before && name_ != "std") break;
    }
    if (name_.empty() || name_ == "std") return std::nullopt;
    return std::move(name_);
  }

 private:
  void skip(std::size_t count) { rest_.remove_prefix(std::min(count, rest_.size())); }
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    skip(text.size());
    return true;
  }
  void add(std::string_view part) {
    if (!name_.empty()) name_ += "::";
    name_ += part;
    last_ = part;
  }

  /// A name behind its length; empty where none is here.
  std::string_view identifier() {
    std::size_t length = 0, digits = 0;
    while (digits < rest_.size() && digits < 6 && std::isdigit(byte(digits)) != 0) {
      length = length * 10 + static_cast<std::size_t>(rest_[digits++] - '0');
    }
    if (digits == 0 || length == 0 || length > rest_.size() - digits) return {};
    const std::string_view found = rest_.substr(digits, length);
    skip(digits + length);
    return found;
  }
  int byte(std::size_t at) const { return static_cast<unsigned char>(rest_[at]); }

  bool part() {
    if (rest_[0] == 'L') skip(1);  // of one file alone
    if (rest_.empty()) return false;
    if (std::isdigit(byte(0)) != 0) {
      const std::string_view found = identifier();
      if (found.empty()) return false;
      add(found.starts_with("_GLOBAL__N") ? "(anonymous namespace)" : found);
      return true;
    }
    if (rest_[0] == 'B') {  // a tag, as of a library's version
      skip(1);
      return !identifier().empty();
    }
    if (rest_[0] == 'C' || rest_[0] == 'D') {
      if (rest_.size() < 2 || std::isdigit(byte(1)) == 0) return false;
      add((rest_[0] == 'D' ? "~" : "") + std::string(last_));
      skip(2);
      return true;
    }
    for (const auto& [code, text] : kShort) {
      if (!take(code)) continue;
      add(text);
      return true;
    }
    for (const auto& [code, text] : kOperators) {
      if (!take(code)) continue;
      add(text);
      return true;
    }
    return false;
  }

  /// From "I" to the "E" that belongs to it.
  bool skip_arguments() {
    std::size_t open = 0;
    do {
      if (rest_.empty()) return false;
      const char c = rest_[0];
      if (std::isdigit(byte(0)) != 0) {
        // Behind an L it is a number, which its E ends.
        if (identifier().empty()) return false;
        continue;
      }
      if (c == 'S' || c == 'T') {
        const bool is_numbered =
            c == 'T' || (rest_.size() > 1 && (rest_[1] == '_' || std::isdigit(byte(1)) != 0 ||
                                              std::isupper(byte(1)) != 0));
        const std::size_t end = rest_.find('_');
        if (is_numbered && end == rest_.npos) return false;
        skip(is_numbered ? end + 1 : 2);
        continue;
      }
      if (c == 'L') {
        // A literal: its type, then what it is, up to E. One of a type with a name is rare.
        if (rest_.size() > 1 && std::islower(byte(1)) == 0) return false;
        const std::size_t end = rest_.find('E');
        if (end == rest_.npos) return false;
        skip(end + 1);
        continue;
      }
      if (c == 'D' && rest_.size() > 1) {
        if (rest_[1] == 't' || rest_[1] == 'T') return false;  // an expression
        skip(2);
        continue;
      }
      open += c == 'I' || c == 'N' || c == 'F' || c == 'J';
      if (c == 'X') return false;
      if (c == 'E') --open;
      skip(1);
    } while (open > 0);
    return true;
  }

  std::string_view rest_;
  std::string name_;
  std::string_view last_;
};

}  // namespace

std::optional<std::string> plain_name(std::string_view mangled) {
  return Parse(mangled).function();
}

}  // namespace strata
