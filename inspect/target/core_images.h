// inspect/target/core_images.h - the files that a core's mappings name, and whether those now at
// their paths are the same.
// A path in a core is a claim of another time and often of another machine. The first page of an
// ELF file, which the kernel dumps by default (coredump_filter bit 4), holds its build-id; the file
// at the path is the one that was mapped if its build-id is equal. Where a core holds no build-id
// (Go, musl), a file is still opened if it is not newer than the core and what the core holds of
// its start is equal; but its bytes are never passed off as memory.
// Errors  kNotFound with the reason.
// Threads Const calls may be made from several threads at once.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "inspect/target/core_notes.h"
#include "inspect/target/elf_image.h"
#include "inspect/target/mapping.h"

namespace strata {

class CoreImages {
 public:
  /// Reads what the core itself holds at an address.
  using CoreBytes = std::function<Result<Bytes>(Address, std::span<std::byte>)>;

  CoreImages(std::vector<CoreFile> files, CoreBytes core, timespec core_written);

  /// Opens what `mapping` names. A device or FIFO at the path is not even opened.
  Result<File> open(const Mapping& mapping) const;

  /// Memory at `from`, within `mapping`, out of the file: only of what the module's headers map
  /// without write permission, and only of a file whose build-id is the core's. 0 bytes otherwise.
  Bytes read(const Mapping& mapping, Address from, std::span<std::byte> into) const;

  struct Protection {
    bool readable = false;
    bool writable = false;
    bool executable = false;
  };
  /// What the module's own headers, as the core holds them, ask for at `mapping`.
  std::optional<Protection> find_protection(const Mapping& mapping) const;

  /// The path of the file mapped at `address`; empty where there is none.
  std::string find_path(Address address) const;

 private:
  /// What a file that is mapped from its start on shows of itself.
  struct Image {
    std::optional<ElfImage> headers;  ///< as in the core
    std::optional<std::string> build_id;
    std::shared_ptr<const File> verified;  ///< with that build-id
    bool tried = false;                    ///< to find it
  };

  const CoreFile* find_head(const Mapping& mapping) const;
  /// What a head's pages in the core say; remembered.
  std::shared_ptr<const Image> image_of(const CoreFile* head) const;
  std::shared_ptr<const Image> verified_image_of(const CoreFile* head) const;
  ImageBytes bytes_of(const CoreFile* head) const;
  Result<void> check_same(const Mapping& mapping, const CoreFile* head, const File& file) const;

  std::vector<CoreFile> files_;         // by address
  std::vector<const CoreFile*> heads_;  // those at offset 0, by path, then address
  CoreBytes core_;
  timespec core_written_;

  mutable std::mutex mutex_;
  mutable std::unordered_map<const CoreFile*, std::shared_ptr<const Image>> images_;
};

}  // namespace strata
