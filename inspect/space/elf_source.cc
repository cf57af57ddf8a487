#include "inspect/space/elf_source.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace strata {
namespace {

constexpr Bytes kHead = 4_KiB;

}  // namespace

Result<ElfSource> ElfSource::open_mapped(const Target& target, const Mapping& mapping) {
  auto file = target.open_mapped_file(mapping);
  if (!file) return pass(file);
  return of_file(std::move(*file));
}

Result<ElfSource> ElfSource::of_file(File file) {
  struct stat status;
  if (fstat(file.fd(), &status) != 0) return fail_errno(errno, "fstat");
  if (!S_ISREG(status.st_mode)) {
    return fail(Cause::kUnsupported, "what is mapped is not a regular file");
  }
  return with_head(ElfSource(std::move(file), Bytes{static_cast<std::uint64_t>(status.st_size)}));
}

Result<ElfSource> ElfSource::in_memory(const PresentMemory& memory, Range image) {
  return with_head(ElfSource(Memory{&memory, image.start}, image.size()));
}

Result<ElfSource> ElfSource::with_head(ElfSource source) {
  std::vector<std::byte> head(std::min(kHead, source.size_).value);
  auto got = source.read_past_head(Bytes{}, head);
  if (!got) return pass(got);
  head.resize(got->value);
  source.head_ = std::move(head);
  return source;
}

Result<Bytes> ElfSource::read_past_head(Bytes offset, std::span<std::byte> into) const {
  if (const File* file = std::get_if<File>(&bytes_)) return read_at(*file, offset, into);
  const Memory& memory = std::get<Memory>(bytes_);
  const Address from = memory.start + offset;
  // Up to the first byte that is not resident, as a file's end would stop it.
  auto parts = memory.present->present(range_of(from, Bytes{into.size()}));
  if (!parts) return pass(parts);
  if (parts->empty() || parts->front().start != from) return Bytes{};
  return memory.present->target().read_memory(from, into.first(parts->front().size().value));
}

Result<void> ElfSource::read(Bytes offset, std::span<std::byte> into, std::string_view what) const {
  const Bytes wanted{into.size()};
  if (offset > size_ || wanted > size_ - offset) {
    return fail(Cause::kCorrupt, "{} should be {} bytes at offset {}, but the image has {} bytes",
                what, wanted.value, offset.value, size_.value);
  }
  if (offset.value + into.size() <= head_.size()) {
    std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(offset.value), into.size(),
                into.begin());
    return {};
  }
  auto got = read_past_head(offset, into);
  if (!got) return pass(got);
  if (*got != wanted) {
    return fail(Cause::kCorrupt, "{} should be {} bytes at offset {}, only {} could be read", what,
                wanted.value, offset.value, got->value);
  }
  return {};
}

}  // namespace strata
