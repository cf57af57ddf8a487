#include "inspect/heap/jvm_structs.h"

#include <fmt/format.h>

namespace strata {
namespace {

// OpenJDK 25 has 1,500 fields and 900 types.
constexpr std::size_t kMostEntries = 20'000;
constexpr Bytes kLargestStride{4096};
constexpr Bytes kLargestObject = 16_MiB;

using Symbols = std::unordered_map<std::string, std::uint64_t>;

/// The values of the exported variables; those that cannot be read are left out.
Symbols read_symbols(const PresentMemory& memory, Peek& peek, const Module& libjvm) {
  Symbols values;
  const auto symbols = find_symbols(
      memory, libjvm,
      {"gHotSpotVMStructs", "gHotSpotVMStructEntryTypeNameOffset",
       "gHotSpotVMStructEntryFieldNameOffset", "gHotSpotVMStructEntryIsStaticOffset",
       "gHotSpotVMStructEntryOffsetOffset", "gHotSpotVMStructEntryAddressOffset",
       "gHotSpotVMStructEntryArrayStride", "gHotSpotVMTypes", "gHotSpotVMTypeEntryTypeNameOffset",
       "gHotSpotVMTypeEntrySizeOffset", "gHotSpotVMTypeEntryArrayStride"});
  if (!symbols) return values;
  for (const Symbol& symbol : *symbols) {
    if (const auto value = peek.constant_word(symbol.range.start)) {
      values.emplace(symbol.name.substr(0, symbol.name.find('@')), *value);
    }
  }
  return values;
}

/// An entry's field, where the table says that it stands.
std::optional<std::uint64_t> entry_word(Peek& peek, const Symbols& symbols, Address entry,
                                        const std::string& offset_symbol) {
  const auto offset = symbols.find(offset_symbol);
  if (offset == symbols.end() || Bytes{offset->second} > kLargestStride) return std::nullopt;
  return peek.constant_word(entry + Bytes{offset->second});
}

}  // namespace

std::optional<JvmStructs> JvmStructs::read(const PresentMemory& memory, Peek& peek,
                                           const Module& libjvm) {
  const Symbols symbols = read_symbols(memory, peek, libjvm);
  JvmStructs structs;
  const auto walk = [&](const std::string& table, const std::string& prefix, auto&& use) {
    const auto start = symbols.find(table);
    const auto stride = symbols.find(prefix + "ArrayStride");
    if (start == symbols.end() || stride == symbols.end()) return;
    if (stride->second == 0 || Bytes{stride->second} > kLargestStride) return;
    for (std::size_t i = 0; i < kMostEntries; ++i) {
      const Address entry = Address{start->second} + Bytes{stride->second * i};
      const auto name = entry_word(peek, symbols, entry, prefix + "TypeNameOffset");
      if (!name || *name == 0) return;  // the table ends with an empty entry
      const auto type = peek.constant_string(Address{*name});
      if (!type) return;
      use(entry, *type);
    }
  };
  walk("gHotSpotVMStructs", "gHotSpotVMStructEntry", [&](Address entry, const std::string& type) {
    const std::string prefix = "gHotSpotVMStructEntry";
    const auto name = entry_word(peek, symbols, entry, prefix + "FieldNameOffset");
    const auto is_static = entry_word(peek, symbols, entry, prefix + "IsStaticOffset");
    if (!name || !is_static) return;
    const bool stands_alone = (*is_static & 0xffffffff) != 0;
    const auto value = entry_word(peek, symbols, entry,
                                  prefix + (stands_alone ? "AddressOffset" : "OffsetOffset"));
    const auto field = peek.constant_string(Address{*name});
    if (value && field) structs.fields_[type + "::" + *field] = {stands_alone, *value};
  });
  walk("gHotSpotVMTypes", "gHotSpotVMTypeEntry", [&](Address entry, const std::string& type) {
    const auto size = entry_word(peek, symbols, entry, "gHotSpotVMTypeEntrySizeOffset");
    if (size) structs.sizes_[type] = *size;
  });
  if (structs.fields_.empty()) return std::nullopt;
  return structs;
}

std::optional<Bytes> JvmStructs::offset(std::string_view type, std::string_view field) const {
  const auto found = fields_.find(fmt::format("{}::{}", type, field));
  if (found == fields_.end() || found->second.is_static) return std::nullopt;
  if (Bytes{found->second.value} > kLargestObject) return std::nullopt;
  return Bytes{found->second.value};
}

std::optional<Address> JvmStructs::address(std::string_view type, std::string_view field) const {
  const auto found = fields_.find(fmt::format("{}::{}", type, field));
  if (found == fields_.end() || !found->second.is_static) return std::nullopt;
  return Address{found->second.value};
}

std::optional<Bytes> JvmStructs::size(std::string_view type) const {
  const auto found = sizes_.find(std::string(type));
  if (found == sizes_.end() || Bytes{found->second} > kLargestObject) return std::nullopt;
  return Bytes{found->second};
}

}  // namespace strata
