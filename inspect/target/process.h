// inspect/target/process.h - a live process as a target.
// Holds a descriptor of /proc/PID, so a PID that is reused meanwhile is never read by mistake:
// every read then fails with kGone.
// Source  proc(5).
// Threads one at a time.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "inspect/target/target.h"

namespace strata {

class Process final : public Target {
 public:
  /// `pid` may be any thread's; kNotFound, or kUnsupported for a kernel thread and a zombie, which
  /// have no memory.
  static Result<std::unique_ptr<Process>> open(pid_t pid);

  const Identity& identity() const override { return identity_; }
  Result<std::vector<Mapping>> read_mappings() const override;
  Result<std::vector<Thread>> read_threads() const override;
  Result<std::vector<AuxiliaryEntry>> read_auxiliary_vector() const override;
  Result<Bytes> read_memory(Address from, std::span<std::byte> into) const override;
  Result<Bytes> read_exclusive(Address from, std::span<std::byte> into) const override;
  Result<File> open_mapped_file(const Mapping& mapping) const override;
  Result<File> open_kernel_file(const std::string& name) const override;
  Result<std::string> read_kernel_text(const std::string& name) const override;
  std::vector<std::string> absences() const override { return {}; }

  int directory() const { return directory_.fd(); }

 private:
  Process(File directory, Identity identity)
      : directory_(std::move(directory)), identity_(std::move(identity)) {}
  /// Whether it exists still, be it as a zombie.
  bool is_listed() const;
  /// Turns what the kernel said into what it means for this process.
  Failure explained(Error error) const;

  File directory_;  // of /proc/PID, or of /proc/TID where the leader has ended
  Identity identity_;
  File memory_;  // its "mem"; none where that is refused
};

struct ProcessMatch {
  pid_t pid = 0;
  std::string name;
  std::string command_line;
  Bytes resident;
};

/// Processes whose comm, or whose executable's or script's base name, equals `name`; by PID.
Result<std::vector<ProcessMatch>> find_processes(std::string_view name);

}  // namespace strata
