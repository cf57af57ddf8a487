// inspect/space/shelf.h - the files that a target maps, each read once.
// A file can be slow or dead where the target is well (NFS, FUSE), and a target must not stand for
// it. So a first look fills the shelf while the target runs; then the shelf is closed, and no file
// is opened until it is opened again. Retries find on it what the first try read.
//
//     first look ── close() ── the target stands, laid out from the shelf ── open()
//
// A file is known by what maps says of it: device, inode, name, and whether it was deleted. While
// it is mapped its inode is not given to another. That it was not unmapped, replaced or overwritten
// since is told by the target's memory: where its first bytes were resident and are now others, it
// is read again, or, of a closed shelf, not had.
// Threads one at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "inspect/page/present_memory.h"
#include "inspect/space/module.h"
#include "inspect/space/module_image.h"

namespace strata {

/// One file, or why it could not be had, with all that was asked of it.
class ShelvedFile {
 public:
  enum class File { kHad, kMissing };
  ShelvedFile(File file, Result<ModuleImage> image, std::shared_ptr<const bool> is_open)
      : is_had_(file == File::kHad), image_(std::move(image)), is_open_(std::move(is_open)) {}

  /// An error where the file is missing, or is no module.
  const Result<ModuleImage>& image() const { return image_; }
  bool is_had() const { return is_had_; }

  using Symbols = Result<std::vector<Symbol>>;
  /// The answer to `question` as it was given before, or as `find` gives it now.
  Symbols symbols(const std::string& question, const std::function<Symbols()>& find);
  /// Fills `into` from the file as `mapping` maps it, at `offset` of the file; the bytes read.
  /// What was asked once is remembered, up to 16 MiB of it.
  Result<Bytes> read(const Target& target, const Mapping& mapping, Bytes offset,
                     std::span<std::byte> into);

 private:
  bool is_had_;
  Result<ModuleImage> image_;
  std::shared_ptr<const bool> is_open_;
  std::map<std::string, Symbols> answers_;
  std::map<std::pair<Bytes, std::size_t>, std::vector<std::byte>> parts_;
  Bytes remembered_;
};

class Shelf {
 public:
  /// The file of `mapping`, which maps it from its beginning on.
  std::shared_ptr<ShelvedFile> find(const PresentMemory& memory, const Mapping& mapping);

  void close() { *is_open_ = false; }
  void open() { *is_open_ = true; }

 private:
  /// Device, inode, name, deleted.
  using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t, std::string, bool>;
  static Key key_of(const Mapping& mapping);
  struct Entry {
    std::shared_ptr<ShelvedFile> file;
    std::vector<std::byte> seen;  // the first bytes in memory; empty where they were not resident
  };

  std::map<Key, Entry> entries_;
  std::uint64_t parts_ = 0;
  std::shared_ptr<bool> is_open_ = std::make_shared<bool>(true);
};

}  // namespace strata
