#include "inspect/object/cxx_name.h"

#include <cxxabi.h>

#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <string_view>

namespace strata {
namespace {

constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();

/// Arithmetic on bounds, which stays at its greatest value.
std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result;
  return __builtin_mul_overflow(a, b, &result) ? kNoBound : result;
}

std::uint64_t successor(std::uint64_t a) { return a + (a == kNoBound ? 0 : 1); }

std::uint64_t power(std::uint64_t base, std::size_t exponent) {
  std::uint64_t result = 1;
  for (; exponent != 0 && result != kNoBound; --exponent) {
    result = product(result, base);
  }
  return result;
}

// The longest name that one character stands for ("unsigned __int128"), and what separates it.
constexpr std::uint64_t kMostPerCharacter = 20;

/// The number of `S_`, `S0_`, `T_`, …  that `text` begins with; empty where it does not.
std::optional<std::string_view> reference_at(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1);
  if (end == std::string_view::npos || text[end] != '_') return std::nullopt;
  return text.substr(1, end - 1);
}

/// What in a name can make its text longer than itself. Letters inside identifiers are counted
/// too: to skip those rightly is to demangle, and to skip them wrongly is to be deceived.
struct Multipliers {
  std::map<std::string_view, std::uint64_t> substitutions;  // how often each is referred to
  std::uint64_t parameters = 0;                             // references to template parameters
  std::size_t encodings = 0;
  bool computes = false;        // packs and conversions: what is worked out from parameters
  bool has_expression = false;  // in a decltype, or among template arguments
  bool resolves = false;        // a name in a type that an expression depends on
};

Multipliers count_multipliers(std::string_view mangled) {
  Multipliers found;
  for (std::size_t i = 0; i < mangled.size(); ++i) {
    const std::string_view rest = mangled.substr(i);
    if (rest[0] == 'S') {
      if (const auto number = reference_at(rest)) ++found.substitutions[*number];
    }
    if (rest[0] == 'T' && reference_at(rest)) ++found.parameters;
    if (rest[0] == 'Z') ++found.encodings;
    for (const std::string_view token : {"Dp", "sp", "sP", "sZ", "cv"}) {
      if (rest.starts_with(token)) found.computes = true;
    }
    for (const std::string_view token : {"Dt", "DT", "X"}) {
      if (rest.starts_with(token)) found.has_expression = true;
    }
    if (rest.starts_with("sr")) found.resolves = true;
  }
  return found;
}

}  // namespace

// Substitution k can refer to those before it alone. So with r(k) references to each, what k stands
// for is at most M(k + 1) = M(k) * (1 + r(k)), and the whole at most its length times the product
// of all 1 + r(k). Template parameters stand for arguments of an encoding further out, which has
// such a product of its own. Of what is worked out from parameters or expressions no bound is
// known: libiberty runs on for ever over the 20 bytes "DtsrsrrsrdtS1_srDnE_".
std::uint64_t most_work_to_demangle(const std::string& mangled) {
  const Multipliers found = count_multipliers(mangled);
  if (found.parameters != 0 && found.computes) return kNoBound;
  if (found.has_expression && found.resolves) return kNoBound;
  std::uint64_t breadth = 1;
  for (const auto& [number, references] : found.substitutions) {
    breadth = product(breadth, 1 + references);
  }
  if (found.parameters != 0) {
    const std::uint64_t arguments = successor(product(breadth, found.parameters));
    breadth = product(breadth, power(arguments, found.encodings + 1));
  }
  return product(product(mangled.size(), kMostPerCharacter), breadth);
}

namespace {

std::optional<std::string> demangled(const std::string& mangled) {
  if (most_work_to_demangle(mangled) > kMostWorkPerName) return std::nullopt;
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
  if (status != 0 || !text) return std::nullopt;
  return std::string(text.get());
}

}  // namespace

std::optional<std::string> demangled_type(const std::string& mangled) {
  // "_Z" begins a function or variable; what stands in a type_info is a type without it.
  if (mangled.empty() || mangled.starts_with('_')) return std::nullopt;
  return demangled(mangled);
}

std::optional<std::string> demangled_symbol(const std::string& mangled) {
  if (!mangled.starts_with("_Z")) return std::nullopt;
  return demangled(mangled);
}

}  // namespace strata
