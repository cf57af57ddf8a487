#include "inspect/space/shelf.h"

#include <algorithm>
#include <utility>

namespace strata {
namespace {

// The ELF header, the program headers and mostly the build id.
constexpr std::size_t kSeen = 1024;
constexpr Bytes kMostRemembered = 16_MiB;

Failure refused() {
  return fail(Cause::kNotFound, "no file is read while the target stands, and it was not before");
}

/// The first bytes of `mapping` that the target has; empty where they are not resident.
std::vector<std::byte> first_bytes(const PresentMemory& memory, const Mapping& mapping) {
  std::vector<std::byte> bytes(kSeen);
  const auto got = memory.read(mapping.range.start, bytes);
  if (!got || got->value != bytes.size()) bytes.clear();
  return bytes;
}

}  // namespace

ShelvedFile::Symbols ShelvedFile::symbols(const std::string& question,
                                          const std::function<Symbols()>& find) {
  if (const auto known = answers_.find(question); known != answers_.end()) return known->second;
  if (!*is_open_) return refused();
  return answers_.emplace(question, find()).first->second;
}

Result<Bytes> ShelvedFile::read(const Target& target, const Mapping& mapping, Bytes offset,
                                std::span<std::byte> into) {
  const std::pair key{offset, into.size()};
  auto known = parts_.find(key);
  if (known == parts_.end()) {
    if (!*is_open_) return refused();
    auto file = target.open_mapped_file(mapping);
    if (!file) return pass(file);
    auto got = read_at(*file, offset, into);
    if (!got || remembered_ + Bytes{into.size()} > kMostRemembered) return got;
    remembered_ += Bytes{into.size()};
    known = parts_.emplace(key, std::vector(into.begin(), into.begin() + got->value)).first;
  }
  std::copy(known->second.begin(), known->second.end(), into.begin());
  return Bytes{known->second.size()};
}

Shelf::Key Shelf::key_of(const Mapping& mapping) {
  return {mapping.device_major, mapping.device_minor, mapping.inode, mapping.name, mapping.deleted};
}

std::shared_ptr<ShelvedFile> Shelf::find(const PresentMemory& memory, const Mapping& mapping) {
  const Key key = key_of(mapping);
  std::vector<std::byte> seen = first_bytes(memory, mapping);
  const auto known = entries_.find(key);
  if (known != entries_.end()) {
    const std::vector<std::byte>& before = known->second.seen;
    if (seen.empty() || before.empty() || seen == before) return known->second.file;
  }
  using Had = ShelvedFile::File;
  if (!*is_open_) return std::make_shared<ShelvedFile>(Had::kMissing, refused(), is_open_);
  auto source = ElfSource::open_mapped(memory.target(), mapping);
  const Had file = source ? Had::kHad : Had::kMissing;
  Result<ModuleImage> image =
      source ? parse_module_image(*source, parts_) : Result<ModuleImage>(pass(source));
  Entry& entry = entries_[key];
  entry = {std::make_shared<ShelvedFile>(file, std::move(image), is_open_), std::move(seen)};
  return entry.file;
}

}  // namespace strata
