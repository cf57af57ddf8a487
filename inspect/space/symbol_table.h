// inspect/space/symbol_table.h - a module's .dynsym or .symtab, streamed.
// A table and its names can be hundreds of megabytes, so neither is ever held: both pass through
// one window, and a name is looked up backwards, from where it stands in the strings to the symbols
// that point there. Several symbols may share the tail of one string ("free" in "cfree").
//
//     strings  \0 m a l l o c \0 _ _ l i b c _ f r e e \0      "free" stands at 15
//     symbols  {st_name 1, …} {st_name 8, …} {st_name 15, …}   the last one is free
//
// Source  elf(5), the GNU symbol versioning of glibc elf/dl-lookup.c.
// Errors  kLimit for a table above kMostSymbolBytes, kCorrupt where it contradicts the image.
#pragma once

#include <gelf.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "inspect/space/elf_source.h"

namespace strata {

/// Of one table's symbols, and of its strings: what bounds the time that a lying file can cost.
inline constexpr Bytes kMostSymbolBytes = 1_GiB;

struct SymbolTable {
  bool is_32_bit = false;
  Bytes symbols_offset;
  Bytes symbols_size;
  Bytes strings_offset;
  Bytes strings_size;
  Bytes versions_offset;  ///< .gnu.version: two bytes a symbol
  Bytes versions_size;    ///< 0: symbols are versioned by "@" in their names, if at all
};

/// .dynsym first, then .symtab; of each the first, and none that the image does not have.
Result<std::vector<SymbolTable>> read_symbol_tables(const ElfSource& source);

/// Visits the symbols that stand for an address: defined, not absolute, not thread-local, neither
/// section nor file. `index` counts all symbols. An IFUNC's address is its resolver's.
Result<void> visit_symbols(
    const ElfSource& source, const SymbolTable& table,
    const std::function<void(const GElf_Sym& symbol, std::uint64_t index)>& visit);

/// Where a wanted name stands among the strings.
struct NameHit {
  std::uint32_t offset = 0;  ///< what st_name must be
  std::uint32_t name = 0;    ///< index in `names`
};
/// By offset. A version behind "@" is not part of a name.
Result<std::vector<NameHit>> find_names(const ElfSource& source, const SymbolTable& table,
                                        const std::vector<std::string_view>& names);

/// The name at `offset` among the strings, without its version.
Result<std::string> read_name(const ElfSource& source, const SymbolTable& table,
                              std::uint32_t offset);

/// Whether the symbol is an old version that new programs are not linked to: memcpy@GLIBC_2.2.5.
Result<bool> is_old_version(const ElfSource& source, const SymbolTable& table, std::uint64_t index,
                            std::uint64_t name_end);

}  // namespace strata
