// everyday.cc - what a compiler has to do for code that says little: templates of the library.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <ranges>
#include <regex>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace {

using Value = std::variant<long, double, std::string, std::vector<std::string>>;

std::map<std::string, Value> read(std::istream& from) {
  std::map<std::string, Value> values;
  const std::regex line(R"((\w+)\s*=\s*(.*))");
  for (std::string text; std::getline(from, text);) {
    std::smatch match;
    if (std::regex_match(text, match, line)) values.emplace(match[1], match[2].str());
  }
  return values;
}

template <class... Visit>
struct Visitor : Visit... {
  using Visit::operator()...;
};

}  // namespace

int main() {
  std::unordered_map<std::string, std::size_t> lengths;
  for (const auto& [name, value] : read(std::cin)) {
    lengths[name] =
        std::visit(Visitor{[](const std::string& text) { return text.size(); },
                           [](const std::vector<std::string>& texts) { return texts.size(); },
                           [](auto number) { return sizeof(number); }},
                   value);
  }
  auto values = lengths | std::views::values;
  std::vector<std::size_t> sorted(values.begin(), values.end());
  std::ranges::sort(sorted, std::greater{});
  std::cout << std::accumulate(sorted.begin(), sorted.end(), std::size_t{0}) << '\n';
}
