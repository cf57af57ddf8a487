#include "inspect/space/symbol_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "inspect/space/elf_headers.h"

namespace strata {
namespace {

constexpr std::size_t kWindow = 1 << 20;
// Tails match too, so that a short name hits often; what is above this is made to hit.
constexpr std::size_t kMostHits = 1 << 20;
constexpr std::size_t kLongestName = 64 << 10;
constexpr std::uint16_t kHiddenVersion = 0x8000;  // VERSYM_HIDDEN in binutils, unnamed in elf.h

bool ends_name(char c) { return c == '\0' || c == '@'; }

bool is_address(unsigned char type, std::uint16_t section) {
  if (section == SHN_UNDEF || section == SHN_ABS || section == SHN_COMMON) return false;
  return type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC || type == STT_GNU_IFUNC;
}

template <class Raw>
Result<void> visit_raw(const ElfSource& source, const SymbolTable& table,
                       const std::function<void(const GElf_Sym&, std::uint64_t)>& visit) {
  std::vector<Raw> window(std::min(kWindow, table.symbols_size.value) / sizeof(Raw));
  const std::uint64_t count = table.symbols_size.value / sizeof(Raw);
  for (std::uint64_t first = 0; first < count; first += window.size()) {
    const std::span part(window.data(), std::min<std::uint64_t>(window.size(), count - first));
    auto read = source.read(table.symbols_offset + Bytes{first * sizeof(Raw)},
                            std::as_writable_bytes(part), "the symbols");
    if (!read) return read;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const Raw& raw = part[i];
      if (!is_address(raw.st_info & 0xf, raw.st_shndx)) continue;
      visit({.st_name = raw.st_name,
             .st_info = raw.st_info,
             .st_other = raw.st_other,
             .st_shndx = raw.st_shndx,
             .st_value = raw.st_value,
             .st_size = raw.st_size},
            first + i);
    }
  }
  return {};
}

Result<SymbolTable> describe(const GElf_Shdr& symbols, const GElf_Ehdr& file,
                             const std::vector<GElf_Shdr>& sections) {
  SymbolTable table;
  table.is_32_bit = file.e_ident[EI_CLASS] == ELFCLASS32;
  const std::uint64_t entry = table.is_32_bit ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym);
  if (symbols.sh_entsize != entry) {
    return fail(Cause::kCorrupt, "a symbol is said to be {} bytes, not {}", symbols.sh_entsize,
                entry);
  }
  if (symbols.sh_link >= sections.size()) {
    return fail(Cause::kCorrupt, "the symbols' names are said to be in section {} of {}",
                symbols.sh_link, sections.size());
  }
  const GElf_Shdr& strings = sections[symbols.sh_link];
  for (const std::uint64_t size : {symbols.sh_size, strings.sh_size}) {
    if (Bytes{size} <= kMostSymbolBytes) continue;
    return fail(Cause::kLimit, "the symbols or their names take {} MiB, Strata reads at most {}",
                size >> 20, kMostSymbolBytes / 1_MiB);
  }
  table.symbols_offset = Bytes{symbols.sh_offset};
  table.symbols_size = Bytes{symbols.sh_size};
  table.strings_offset = Bytes{strings.sh_offset};
  table.strings_size = Bytes{strings.sh_size};
  return table;
}

}  // namespace

Result<std::vector<SymbolTable>> read_symbol_tables(const ElfSource& source) {
  auto headers = read_elf_headers(source);
  if (!headers) return pass(headers);
  auto sections = read_section_headers(source, headers->file);
  if (!sections) return pass(sections);
  std::vector<SymbolTable> tables;
  for (const GElf_Word type : {GElf_Word{SHT_DYNSYM}, GElf_Word{SHT_SYMTAB}}) {
    const auto symbols = std::find_if(sections->begin(), sections->end(),
                                      [&](const GElf_Shdr& s) { return s.sh_type == type; });
    // A file of debug symbols has a .dynsym in name only; it is never mapped.
    if (symbols == sections->end()) continue;
    auto table = describe(*symbols, headers->file, *sections);
    if (!table) return pass(table);
    for (const GElf_Shdr& versions : *sections) {
      if (type != SHT_DYNSYM || versions.sh_type != SHT_GNU_versym) continue;
      table->versions_offset = Bytes{versions.sh_offset};
      table->versions_size = Bytes{versions.sh_size};
    }
    tables.push_back(*table);
  }
  return tables;
}

Result<void> visit_symbols(
    const ElfSource& source, const SymbolTable& table,
    const std::function<void(const GElf_Sym& symbol, std::uint64_t index)>& visit) {
  return table.is_32_bit ? visit_raw<Elf32_Sym>(source, table, visit)
                         : visit_raw<Elf64_Sym>(source, table, visit);
}

Result<std::vector<NameHit>> find_names(const ElfSource& source, const SymbolTable& table,
                                        const std::vector<std::string_view>& names) {
  std::array<std::vector<std::uint32_t>, 256> by_last;
  std::size_t longest = 0;
  for (std::uint32_t i = 0; i < names.size(); ++i) {
    if (names[i].empty() || std::any_of(names[i].begin(), names[i].end(), ends_name)) continue;
    by_last[static_cast<unsigned char>(names[i].back())].push_back(i);
    longest = std::max(longest, names[i].size());
  }
  std::vector<NameHit> hits;
  if (longest == 0) return hits;
  // The window begins with the end of the one before it, for names across both.
  std::vector<char> window(longest + std::min<std::uint64_t>(kWindow, table.strings_size.value));
  std::size_t kept = 0;
  for (std::uint64_t done = 0; done < table.strings_size.value;) {
    const std::size_t step = std::min<std::uint64_t>(kWindow, table.strings_size.value - done);
    auto read = source.read(table.strings_offset + Bytes{done},
                            std::as_writable_bytes(std::span(window).subspan(kept, step)),
                            "the symbols' names");
    if (!read) return pass(read);
    const std::size_t filled = kept + step;
    for (std::size_t end = std::max<std::size_t>(kept, 1); end < filled; ++end) {
      if (!ends_name(window[end])) continue;
      for (const std::uint32_t name : by_last[static_cast<unsigned char>(window[end - 1])]) {
        const std::size_t size = names[name].size();
        if (size > end || names[name] != std::string_view(&window[end - size], size)) continue;
        if (hits.size() == kMostHits) {
          return fail(Cause::kLimit, "'{}' and its like stand {} times among the symbols' names",
                      names[name], hits.size());
        }
        hits.push_back({static_cast<std::uint32_t>(done + end - kept - size), name});
      }
    }
    done += step;
    const std::size_t keep = std::min(longest, filled);
    std::memmove(window.data(), window.data() + filled - keep, keep);
    kept = keep;
  }
  std::sort(hits.begin(), hits.end(),
            [](const NameHit& a, const NameHit& b) { return a.offset < b.offset; });
  return hits;
}

Result<std::string> read_name(const ElfSource& source, const SymbolTable& table,
                              std::uint32_t offset) {
  const Bytes left = saturating_sub(table.strings_size, Bytes{offset});
  for (const std::size_t most : {std::size_t{256}, kLongestName}) {
    std::string name(std::min<std::uint64_t>(most, left.value), '\0');
    auto read = source.read(table.strings_offset + Bytes{offset},
                            std::as_writable_bytes(std::span(name)), "a symbol's name");
    if (!read) return pass(read);
    const auto end = std::find_if(name.begin(), name.end(), ends_name);
    if (end == name.end()) continue;
    name.erase(end, name.end());
    return name;
  }
  return fail(Cause::kCorrupt, "the symbol name at offset {} of {} does not end within {} bytes",
              offset, table.strings_size.value, kLongestName);
}

Result<bool> is_old_version(const ElfSource& source, const SymbolTable& table, std::uint64_t index,
                            std::uint64_t name_end) {
  if (table.versions_size.value >= (index + 1) * sizeof(std::uint16_t)) {
    std::uint16_t version = 0;
    auto read = source.read(table.versions_offset + Bytes{index * sizeof(version)},
                            std::as_writable_bytes(std::span(&version, 1)), "a symbol's version");
    if (!read) return pass(read);
    return (version & kHiddenVersion) != 0;
  }
  char after[2] = {};
  const Bytes left = saturating_sub(table.strings_size, Bytes{name_end});
  if (left.value < sizeof(after)) return false;
  auto read = source.read(table.strings_offset + Bytes{name_end},
                          std::as_writable_bytes(std::span(after)), "a symbol's name");
  if (!read) return pass(read);
  return after[0] == '@' && after[1] != '@';
}

}  // namespace strata
