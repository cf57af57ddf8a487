#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "inspect/space/elf_source.h"
#include "inspect/space/module.h"
#include "inspect/space/shelf.h"
#include "inspect/space/symbol_names.h"
#include "inspect/space/symbol_table.h"

namespace strata {
namespace {

// Of one name: old versions, and statics of several source files.
constexpr std::size_t kMostDefinitions = 16;
// Of addresses that symbols cover: a file may say that each of millions covers all.
constexpr std::uint64_t kMostCovered = 100'000'000;

Result<ElfSource> open_source(const PresentMemory& memory, const Module& module) {
  if (module.first_mapping.name.starts_with('/')) {
    return ElfSource::open_mapped(memory.target(), module.first_mapping);
  }
  return ElfSource::in_memory(memory, module.first_mapping.range);
}

/// In the target; absent where the symbol does not lie in the module.
std::optional<Range> place(const GElf_Sym& symbol, const Module& module) {
  const Address start{module.load_bias.value + symbol.st_value};
  if (!module.range.contains(start)) return std::nullopt;
  return Range{start, std::min(start + Bytes{symbol.st_size}, module.range.end)};
}

int binding_rank(const GElf_Sym& symbol) {
  switch (GELF_ST_BIND(symbol.st_info)) {
    case STB_GLOBAL:
    case STB_GNU_UNIQUE:
      return 2;
    case STB_WEAK:
      return 1;
    default:
      return 0;
  }
}

struct Definition {
  std::uint32_t name;
  bool is_old;
  int binding;
  Range range;

  /// The one that a new program would be linked to comes first.
  bool operator<(const Definition& other) const {
    return std::tuple(name, is_old, -binding, range) <
           std::tuple(other.name, other.is_old, -other.binding, other.range);
  }
};

Result<void> find_in_table(const ElfSource& source, const SymbolTable& table, const Module& module,
                           const std::vector<std::string_view>& names,
                           std::vector<Definition>& found) {
  auto hits = find_names(source, table, names);
  if (!hits) return pass(hits);
  if (hits->empty()) return {};
  std::vector<std::size_t> counts(names.size());
  Result<void> outcome;
  auto visited = visit_symbols(source, table, [&](const GElf_Sym& symbol, std::uint64_t index) {
    auto hit =
        std::lower_bound(hits->begin(), hits->end(), symbol.st_name,
                         [](const NameHit& a, std::uint32_t offset) { return a.offset < offset; });
    // More than one where the caller gave a name twice.
    for (; outcome && hit != hits->end() && hit->offset == symbol.st_name; ++hit) {
      const auto range = place(symbol, module);
      if (!range || counts[hit->name] == kMostDefinitions) continue;
      ++counts[hit->name];
      auto is_old = is_old_version(source, table, index, hit->offset + names[hit->name].size());
      if (!is_old) {
        outcome = pass(is_old);
        return;
      }
      found.push_back({hit->name, *is_old, binding_rank(symbol), *range});
    }
  });
  return visited ? outcome : visited;
}

/// A symbol as an answer to "what is at this address".
struct Nearest {
  Range range;
  bool covers;
  int binding;
  bool is_typed;
  const SymbolTable* table;
  std::uint32_t name;

  /// Of those that cover, the innermost; else the one that ends last: what begins within another,
  /// as a label in a function, says nothing of what follows that.
  bool is_better_than(const Nearest& other) const {
    if (covers != other.covers) return covers;
    const Address end = covers ? Address{} : range.end;
    const Address other_end = covers ? Address{} : other.range.end;
    return std::tuple(end, range.start, other.range.size(), binding, is_typed) >
           std::tuple(other_end, other.range.start, range.size(), other.binding, other.is_typed);
  }

  SymbolAt::Relation relation() const {
    if (covers) return SymbolAt::Relation::kCovers;
    return range.empty() ? SymbolAt::Relation::kLabel : SymbolAt::Relation::kEndsBefore;
  }
};

/// Where a symbol next below `address` still has to do with it; empty where none would.
Range neighbourhood(const Module& module, Address address) {
  for (const Section& section : module.sections) {
    if (section.range.contains(address)) return section.range;
  }
  if (!module.sections.empty()) return {};
  for (const Segment& segment : module.segments) {
    if (segment.range.contains(address)) return segment.range;
  }
  return {};
}

Result<std::vector<Symbol>> look_up(const PresentMemory& memory, const Module& module,
                                    const std::vector<std::string_view>& names) {
  const auto doing = [&] { return "looking for symbols of " + module.name; };
  auto source = open_source(memory, module);
  if (!source) return pass(source, doing());
  auto tables = read_symbol_tables(*source);
  if (!tables) return pass(tables, doing());
  std::vector<Definition> found;
  for (const SymbolTable& table : *tables) {
    auto searched = find_in_table(*source, table, module, names, found);
    if (!searched) return pass(searched, doing());
  }
  std::sort(found.begin(), found.end());
  std::vector<Symbol> symbols;
  for (const Definition& definition : found) {
    // .symtab repeats what .dynsym has.
    const bool is_repeated = std::any_of(symbols.begin(), symbols.end(), [&](const Symbol& s) {
      return s.range == definition.range && s.name == names[definition.name];
    });
    if (!is_repeated) symbols.push_back({std::string(names[definition.name]), definition.range});
  }
  return symbols;
}

}  // namespace

Result<std::vector<Symbol>> find_symbols(const PresentMemory& memory, const Module& module,
                                         const std::vector<std::string_view>& names) {
  if (!module.file) return look_up(memory, module, names);
  std::string question = fmt::format("{:x} {:x} {:x}", module.load_bias.value,
                                     module.range.start.value, module.range.end.value);
  for (const std::string_view name : names) question.append(1, '\0').append(name);
  return module.file->symbols(question, [&] { return look_up(memory, module, names); });
}

Result<std::optional<SymbolAt>> find_symbol_at(const PresentMemory& memory, const Module& module,
                                               Address address) {
  if (!module.range.contains(address)) return std::nullopt;
  const auto doing = [&] { return "looking for a symbol in " + module.name; };
  auto source = open_source(memory, module);
  if (!source) return pass(source, doing());
  auto tables = read_symbol_tables(*source);
  if (!tables) return pass(tables, doing());
  const Range around = neighbourhood(module, address);
  std::optional<Nearest> nearest;
  for (const SymbolTable& table : *tables) {
    auto visited = visit_symbols(*source, table, [&](const GElf_Sym& symbol, std::uint64_t) {
      const auto range = place(symbol, module);
      if (symbol.st_name == 0 || !range || range->start > address) return;
      if (!range->contains(address) && !around.contains(range->start)) return;
      const Nearest candidate{*range,
                              range->contains(address),
                              binding_rank(symbol),
                              GELF_ST_TYPE(symbol.st_info) != STT_NOTYPE,
                              &table,
                              symbol.st_name};
      if (!nearest || candidate.is_better_than(*nearest)) nearest = candidate;
    });
    if (!visited) return pass(visited, doing());
  }
  if (!nearest) return std::nullopt;
  auto name = read_name(*source, *nearest->table, nearest->name);
  if (!name) return pass(name, doing());
  return SymbolAt{{std::move(*name), nearest->range}, nearest->relation()};
}

Result<std::vector<Symbol>> find_symbols_at(const PresentMemory& memory, const Module& module,
                                            std::span<const Address> addresses) {
  const auto doing = [&] { return "looking for symbols in " + module.name; };
  std::vector<Symbol> found(addresses.size());
  auto source = open_source(memory, module);
  if (!source) return pass(source, doing());
  auto tables = read_symbol_tables(*source);
  if (!tables) return pass(tables, doing());
  std::vector<std::optional<Nearest>> nearest(addresses.size());
  std::uint64_t covered = 0;
  for (const SymbolTable& table : *tables) {
    auto visited = visit_symbols(*source, table, [&](const GElf_Sym& symbol, std::uint64_t) {
      const auto range = place(symbol, module);
      if (symbol.st_name == 0 || !range) return;
      const Nearest candidate{
          *range, true,          binding_rank(symbol), GELF_ST_TYPE(symbol.st_info) != STT_NOTYPE,
          &table, symbol.st_name};
      auto at = std::lower_bound(addresses.begin(), addresses.end(), range->start);
      for (; at != addresses.end() && *at < range->end && covered < kMostCovered; ++at) {
        ++covered;
        auto& best = nearest[static_cast<std::size_t>(at - addresses.begin())];
        if (!best || candidate.is_better_than(*best)) best = candidate;
      }
    });
    if (!visited) return pass(visited, doing());
  }
  for (std::size_t i = 0; i < nearest.size(); ++i) {
    if (!nearest[i]) continue;
    auto name = read_name(*source, *nearest[i]->table, nearest[i]->name);
    if (!name) return pass(name, doing());
    found[i] = {std::move(*name), nearest[i]->range};
  }
  return found;
}

}  // namespace strata
