// inspect/target/target.h - where the bytes come from: a live process or a core file.
// The rest of the inspector sees a target only through this interface, so a command works on
// either, and says what the one at hand cannot give.
// Errors  kGone when the process ended meanwhile; kPermission with the setting that forbids it;
//         kUnsupported where this kind of target has no such thing (a core has no page tables).
// Threads const calls may be made from several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/units.h"
#include "inspect/target/mapping.h"
#include "inspect/target/thread.h"

namespace strata {

enum class TargetKind { kProcess, kCore };

struct Identity {
  TargetKind kind = TargetKind::kProcess;
  pid_t pid = 0;
  std::string name;          ///< comm: raw bytes, show it through printable()
  std::string command_line;  ///< arguments joined by spaces, raw; empty where not recorded
  std::string executable;    ///< path as the target sees it, raw; empty where not known
  std::string origin;        ///< "process 4242" or the path of the core file
};

/// One entry of the auxiliary vector: AT_* and its value (getauxval(3)).
struct AuxiliaryEntry {
  std::uint64_t type = 0;
  std::uint64_t value = 0;
};

class Target {
 public:
  virtual ~Target() = default;

  virtual const Identity& identity() const = 0;

  /// The address space now, sorted by address.
  virtual Result<std::vector<Mapping>> read_mappings() const = 0;
  /// The threads now, by tid.
  virtual Result<std::vector<Thread>> read_threads() const = 0;
  virtual Result<std::vector<AuxiliaryEntry>> read_auxiliary_vector() const = 0;

  /// Copies memory from `from` on until `into` is full or a byte cannot be read; the bytes copied.
  /// Reading what is not resident costs the target memory: ask page/ first for large ranges.
  virtual Result<Bytes> read_memory(Address from, std::span<std::byte> into) const = 0;

  /// The same where each page is mapped by this address space alone (PageFlag::kExclusive) and the
  /// target stands; costs a process a third less. Pages that others map too it may part from them.
  virtual Result<Bytes> read_exclusive(Address from, std::span<std::byte> into) const {
    return read_memory(from, into);
  }

  /// The very file that `mapping` maps, also when it was deleted or lies in another mount
  /// namespace. kNotFound where it cannot be had, or where what stands at its path is another.
  virtual Result<File> open_mapped_file(const Mapping& mapping) const = 0;

  /// A file of the kernel's about the process, as "status", "smaps" or "pagemap".
  virtual Result<File> open_kernel_file(const std::string& name) const = 0;
  /// The text of one.
  virtual Result<std::string> read_kernel_text(const std::string& name) const = 0;

  /// What this target does not hold that others would: one sentence each, to be shown.
  virtual std::vector<std::string> absences() const = 0;

  /// Whether some of that should be there and is lost: the rest of a truncated core.
  virtual bool is_cut_off() const { return false; }
};

/// Reads a trivially copyable value, whole or not at all.
template <class T>
Result<T> read_value(const Target& target, Address from) {
  T value;
  auto got = target.read_memory(from, std::as_writable_bytes(std::span(&value, 1)));
  if (!got) return pass(got);
  if (got->value != sizeof(T)) {
    return fail(Cause::kNotFound, "{} bytes at {:#x} cannot be read, only {}", sizeof(T),
                from.value, got->value);
  }
  return value;
}

}  // namespace strata
