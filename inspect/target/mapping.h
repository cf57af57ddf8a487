// inspect/target/mapping.h - one line of a process's address space.
// Source  /proc/PID/maps live, PT_LOAD and NT_FILE in a core (proc(5), core(5)).
// Units   Address is an address in the target; `offset` counts bytes into the file.
// Errors  parse_mapping() returns kCorrupt with the line quoted; it never guesses a field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace strata {

struct Mapping {
  Range range;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;  ///< MAP_SHARED: what is written here others can see
  Bytes offset;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  /// 0: not backed by a file. A core records none: there it numbers the paths, on device 0:0.
  std::uint64_t inode = 0;
  /// A path, a kernel label such as "[heap]", or empty. Raw bytes of the target's choosing:
  /// show it through printable().
  std::string name;
  bool deleted = false;  ///< the file was unlinked; its path is left in `name`

  bool operator==(const Mapping&) const = default;
  bool has_file() const { return inode != 0; }
  bool is_labelled(std::string_view label) const { return inode == 0 && name == label; }
};

/// "rwxp", as the kernel writes it.
std::string protection(const Mapping& mapping);

/// One line of /proc/PID/maps without its newline.
Result<Mapping> parse_mapping(std::string_view line);
/// The whole file, sorted and disjoint also where the target changed it while it was read: of what
/// then comes twice, the first stays.
Result<std::vector<Mapping>> parse_mappings(std::string_view text);

}  // namespace strata
