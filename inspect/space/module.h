// inspect/space/module.h - an executable or shared library as it lies in memory.
//
//     file       [ELF header .text …][.rodata][.data.rel.ro .data]
//     segments   |r-x             |  |r--   |  |rw-              |   PT_LOAD, page-rounded mappings
//     sections    |.text|.plt|…       …          |.got|.data|.bss|   finer; several share a page
//
// Source  elf(5) through libelf; program headers from the target's memory where its file is gone.
// Errors  A module whose file cannot be had still has its segments; `sections_unknown` says why
//         there are no sections.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "inspect/page/present_memory.h"
#include "inspect/target/target.h"

namespace strata {

class Shelf;
class ShelvedFile;

struct Segment {
  Range range;  ///< in the target, exact (p_vaddr, p_memsz), not rounded to pages
  bool readable = false;
  bool writable = false;
  bool executable = false;
};

struct Section {
  Range range;  ///< in the target
  std::string name;
};

struct Module {
  std::string path;   ///< as the target's mappings name it, raw
  std::string name;   ///< the path's last part; "[vdso]" for the vdso
  Range range;        ///< from its first to its last mapped byte
  Address load_bias;  ///< what is added to the file's virtual addresses; may wrap below zero
  bool is_executable = false;  ///< the program itself, not a library
  bool deleted = false;        ///< its file was unlinked, as an upgrade does
  std::vector<Segment> segments;
  std::vector<Section> sections;  ///< those that lie in memory, by address, without .tbss
  std::optional<Range> relro;
  Bytes tls_size;  ///< PT_TLS memsz; 0: none
  Bytes tls_alignment;
  std::string build_id;               ///< lower-case hex; empty where there is none
  std::string sections_unknown;       ///< why there are no sections; empty where there are
  Mapping first_mapping;              ///< to open its file by
  std::shared_ptr<ShelvedFile> file;  ///< null where it could not be had, and for the vdso
};

/// The modules among `mappings`, by address; what their files say is taken from `shelf`.
std::vector<Module> read_modules(const PresentMemory& memory, const std::vector<Mapping>& mappings,
                                 Shelf& shelf);
std::vector<Module> read_modules(const PresentMemory& memory, const std::vector<Mapping>& mappings);

struct Symbol {
  std::string name;
  Range range;  ///< in the target; empty size where the symbol table gives none
};

/// The addresses of those of `names` that the module defines (.dynsym, .symtab where it is there).
Result<std::vector<Symbol>> find_symbols(const PresentMemory& memory, const Module& module,
                                         const std::vector<std::string_view>& names);

/// What the symbol table says of an address.
struct SymbolAt {
  Symbol symbol;
  enum class Relation {
    kCovers,      ///< the address is one of its bytes
    kLabel,       ///< it has no size, and no other begins or ends between it and the address
    kEndsBefore,  ///< the next below, which the address is no part of
  } relation;
};
/// The innermost symbol that covers `address`, or else the one next below in the same section (or
/// segment, where there are no sections); nothing where there is neither.
Result<std::optional<SymbolAt>> find_symbol_at(const PresentMemory& memory, const Module& module,
                                               Address address);

}  // namespace strata
