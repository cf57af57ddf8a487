#include "inspect/heap/exports.h"

#include <algorithm>

namespace strata {
namespace {

constexpr std::size_t kMostInBucket = 1024;
constexpr Bytes kSymbol{24};  // Elf64_Sym: name, kind, visibility, section, value, size

std::uint32_t gnu_hash(std::string_view name) {
  std::uint32_t hash = 5381;
  for (const char letter : name) hash = hash * 33 + static_cast<unsigned char>(letter);
  return hash;
}

const Section* find_section(const Module& module, std::string_view name) {
  const auto found = std::find_if(module.sections.begin(), module.sections.end(),
                                  [&](const Section& section) { return section.name == name; });
  return found == module.sections.end() ? nullptr : &*found;
}

std::optional<std::uint32_t> constant_half(Peek& peek, Address at) {
  const auto word = peek.constant_word(round_down(at, 8_B));
  if (!word || at.value % 4 != 0) return std::nullopt;
  return static_cast<std::uint32_t>(*word >> (at.value % 8 * 8));
}

struct Tables {
  Range hash;
  Range symbols;
  Range names;
};

/// Whether the symbol is defined here and called `name`.
bool is_defined_as(Peek& peek, const Tables& tables, std::uint32_t number, std::string_view name) {
  const Address symbol = tables.symbols.start + kSymbol * number;
  if (!tables.symbols.contains(range_of(symbol, kSymbol))) return false;
  const auto place = constant_half(peek, symbol);
  const auto section = constant_half(peek, symbol + 4_B);
  if (!place || !section || *section >> 16 == 0) return false;
  const Address text = tables.names.start + Bytes{*place};
  return tables.names.contains(text) && peek.constant_string(text) == name;
}

bool is_in(Peek& peek, const Tables& tables, std::string_view name) {
  const Address start = tables.hash.start;
  const auto buckets = constant_half(peek, start);
  const auto first = constant_half(peek, start + 4_B);
  const auto blooms = constant_half(peek, start + 8_B);
  const auto shift = constant_half(peek, start + 12_B);
  if (!buckets || !first || !blooms || !shift || *buckets == 0 || *blooms == 0) return false;
  if (*shift > 31) return false;
  const std::uint32_t hash = gnu_hash(name);
  const auto bloom = peek.constant_word(start + 16_B + Bytes{8} * (hash / 64 % *blooms));
  const std::uint64_t both = 1ull << (hash % 64) | 1ull << ((hash >> *shift) % 64);
  if (!bloom || (*bloom & both) != both) return false;
  const Address bucket_table = start + 16_B + Bytes{8} * *blooms;
  const Address chains = bucket_table + Bytes{4} * *buckets;
  const auto bucket = constant_half(peek, bucket_table + Bytes{4} * (hash % *buckets));
  if (!bucket || *bucket < *first) return false;
  for (std::uint32_t i = 0; i < kMostInBucket; ++i) {
    const Address link = chains + Bytes{4} * (*bucket - *first + i);
    const auto known = tables.hash.contains(link) ? constant_half(peek, link) : std::nullopt;
    if (!known) return false;
    if ((*known | 1) == (hash | 1) && is_defined_as(peek, tables, *bucket + i, name)) return true;
    if ((*known & 1) != 0) return false;
  }
  return false;
}

}  // namespace

bool exports(Peek& peek, const Module& module, std::string_view name) {
  const Section* const hash = find_section(module, ".gnu.hash");
  const Section* const symbols = find_section(module, ".dynsym");
  const Section* const names = find_section(module, ".dynstr");
  if (hash == nullptr || symbols == nullptr || names == nullptr) return false;
  return is_in(peek, {hash->range, symbols->range, names->range}, name);
}

Bytes code_size(const Module& module) {
  Bytes largest;
  for (const Segment& segment : module.segments) {
    if (segment.executable) largest = std::max(largest, segment.range.size());
  }
  return largest;
}

}  // namespace strata
