#include "inspect/target/core_images.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <tuple>

#include "base/printable.h"
#include "inspect/target/core_layout.h"
#include "inspect/target/regular_file.h"

namespace strata {
namespace {

// A module has a dozen program headers.
constexpr std::size_t kMostSegments = 256;
// Each may hold a descriptor open; the limit of those is 1024 by default.
constexpr std::size_t kMostImages = 256;

std::string hex(const std::string& raw) {
  std::string text;
  for (const char c : raw) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

ImageBytes bytes_of_file(const File& file) {
  return [&file](Bytes offset, std::span<std::byte> into) { return read_at(file, offset, into); };
}

bool is_later(const timespec& a, const timespec& b) {
  return std::tie(a.tv_sec, a.tv_nsec) > std::tie(b.tv_sec, b.tv_nsec);
}

/// Opens what is at `path` now, if it is a regular file with contents.
Result<File> open_mapped(const std::string& path) {
  auto held = hold_file(AT_FDCWD, path);
  if (!held) {
    return fail(Cause::kNotFound, "{} was mapped, and is not at its path now: {}", printable(path),
                printable(held.error().message));
  }
  // What has no size, as in /proc, may block or act on being read.
  if (!S_ISREG(held->status.st_mode) || held->status.st_size == 0) {
    return fail(Cause::kNotFound, "what is at {} now is not a regular file with contents",
                printable(path));
  }
  auto file = open_held(*held, path);
  if (!file) {
    return fail(Cause::kNotFound, "{} was mapped, and cannot be opened now: {}", printable(path),
                printable(file.error().message));
  }
  return file;
}

/// One byte of a module: where in the file, and how far above the mapping of the file's start.
struct Place {
  Bytes offset;
  std::uint64_t distance = 0;
};

std::uint64_t page_end(std::uint64_t offset) { return round_up(Bytes{offset}, page_size()).value; }

/// The program header that put the byte there, page-rounded as the loader does. Where two share a
/// page, the later is mapped over the earlier.
const Elf64_Phdr* find_segment(const ElfImage& headers, Place place) {
  const Elf64_Phdr* first = nullptr;
  const Elf64_Phdr* found = nullptr;
  for (const Elf64_Phdr& segment : headers.segments) {
    constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
    if (segment.p_type != PT_LOAD) continue;
    if (segment.p_offset > kLargest || segment.p_filesz > kLargest - segment.p_offset) continue;
    if (first == nullptr) first = &segment;
    const Bytes start = Bytes{round_down(Address{segment.p_offset}, page_size()).value};
    if (place.offset < start ||
        place.offset.value >= page_end(segment.p_offset + segment.p_filesz)) {
      continue;
    }
    // Addresses of hostile headers wrap; they are compared for equality only.
    const std::uint64_t distance = (segment.p_vaddr - segment.p_offset + place.offset.value) -
                                   (first->p_vaddr - first->p_offset);
    if (distance == place.distance) found = &segment;
  }
  return found;
}

}  // namespace

CoreImages::CoreImages(std::vector<CoreFile> files, CoreBytes core, timespec core_written)
    : files_(std::move(files)), core_(std::move(core)), core_written_(core_written) {
  for (const CoreFile& file : files_) {
    if (file.offset == Bytes{}) heads_.push_back(&file);
  }
  std::ranges::sort(heads_, [](const CoreFile* a, const CoreFile* b) {
    return std::tie(a->path, a->range.start) < std::tie(b->path, b->range.start);
  });
}

const CoreFile* CoreImages::find_head(const Mapping& mapping) const {
  // The nearest one below: a file may be loaded more than once (dlmopen).
  const auto after = std::ranges::upper_bound(
      heads_, std::tie(mapping.name, mapping.range.start), {},
      [](const CoreFile* head) { return std::tie(head->path, head->range.start); });
  if (after == heads_.begin() || (*std::prev(after))->path != mapping.name) return nullptr;
  return *std::prev(after);
}

ImageBytes CoreImages::bytes_of(const CoreFile* head) const {
  return [this, head](Bytes offset, std::span<std::byte> into) -> Result<Bytes> {
    // Beyond the first mapping memory need not look like the file.
    const Bytes left = saturating_sub(head->range.size(), offset);
    return core_(head->range.start + offset, into.first(std::min(left.value, into.size())));
  };
}

std::shared_ptr<const CoreImages::Image> CoreImages::image_of(const CoreFile* head) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = images_.find(head); known != images_.end()) return known->second;
  }
  auto image = std::make_shared<Image>();
  const ImageBytes bytes = bytes_of(head);
  if (auto headers = read_elf_image(bytes, "image", kMostSegments)) {
    image->build_id = find_build_id(bytes, *headers);
    image->headers = std::move(*headers);
  }
  const std::lock_guard lock(mutex_);
  if (images_.size() >= kMostImages) images_.clear();
  return images_.try_emplace(head, std::move(image)).first->second;
}

std::shared_ptr<const CoreImages::Image> CoreImages::verified_image_of(const CoreFile* head) const {
  auto known = image_of(head);
  if (known->tried || !known->build_id) return known;
  auto image = std::make_shared<Image>(*known);
  image->tried = true;
  if (auto file = open_mapped(head->path)) {
    const auto headers = read_elf_image(bytes_of_file(*file), "file", kMostSegments);
    if (headers && find_build_id(bytes_of_file(*file), *headers) == image->build_id) {
      image->verified = std::make_shared<const File>(std::move(*file));
    }
  }
  const std::lock_guard lock(mutex_);
  return images_[head] = std::move(image);
}

Result<void> CoreImages::check_same(const Mapping& mapping, const CoreFile* head,
                                    const File& file) const {
  const auto image = head != nullptr ? image_of(head) : nullptr;
  const std::string path = printable(mapping.name);
  if (image && image->build_id) {
    const auto headers = read_elf_image(bytes_of_file(file), path, kMostSegments);
    const auto build_id =
        headers ? find_build_id(bytes_of_file(file), *headers) : std::optional<std::string>();
    if (build_id == image->build_id) return {};
    return fail(Cause::kNotFound,
                "what is at {} now is not the file that was mapped: build-id {}, the core's is {}",
                path, build_id ? hex(*build_id) : "none", hex(*image->build_id));
  }
  if (mapping.deleted) {
    return fail(Cause::kNotFound, "{} was deleted, and the core holds no build-id of it", path);
  }
  struct stat status{};
  if (fstat(file.fd(), &status) != 0) return fail_errno(errno, "stat " + path);
  if (is_later(status.st_mtim, core_written_)) {
    return fail(Cause::kNotFound,
                "{} was changed after the core was written, and the core holds no build-id of it",
                path);
  }
  if (head == nullptr) return {};
  std::byte in_core[4096];
  std::byte in_file[4096];
  auto held = bytes_of(head)(Bytes{}, in_core);
  if (!held) return pass(held);
  auto got = read_at(file, Bytes{}, std::span(in_file).first(held->value));
  if (!got) return pass(got);
  // The page of a file's end is filled with zeros in memory.
  std::memset(in_file + got->value, 0, held->value - got->value);
  if (std::memcmp(in_core, in_file, held->value) != 0) {
    return fail(Cause::kNotFound,
                "what is at {} now is not the file that was mapped: its start differs", path);
  }
  return {};
}

Result<File> CoreImages::open(const Mapping& mapping) const {
  if (!mapping.has_file() || !mapping.name.starts_with('/')) {
    return fail(Cause::kNotFound, "the mapping at {:#x} names no file", mapping.range.start.value);
  }
  auto file = open_mapped(mapping.name);
  if (!file) return pass(file);
  auto same = check_same(mapping, find_head(mapping), *file);
  if (!same) return pass(same);
  return file;
}

Bytes CoreImages::read(const Mapping& mapping, Address from, std::span<std::byte> into) const {
  if (!mapping.has_file() || mapping.writable || !mapping.name.starts_with('/')) return {};
  const CoreFile* head = find_head(mapping);
  if (head == nullptr) return {};
  const auto image = verified_image_of(head);
  if (!image->verified || !image->headers) return {};
  const Place place{mapping.offset + (from - mapping.range.start),
                    (from - head->range.start).value};
  const Elf64_Phdr* segment = find_segment(*image->headers, place);
  // RELRO is mapped read-only and was written before: the header tells.
  if (segment == nullptr || (segment->p_flags & PF_W) != 0) return {};
  const std::uint64_t end = page_end(segment->p_offset + segment->p_filesz);
  const auto got =
      read_at(*image->verified, place.offset,
              into.first(std::min<std::size_t>(into.size(), end - place.offset.value)));
  return got ? *got : Bytes{};
}

std::optional<CoreImages::Protection> CoreImages::find_protection(const Mapping& mapping) const {
  const CoreFile* head = find_head(mapping);
  if (head == nullptr) return std::nullopt;
  const auto image = image_of(head);
  if (!image->headers) return std::nullopt;
  const Elf64_Phdr* segment = find_segment(
      *image->headers, {mapping.offset, (mapping.range.start - head->range.start).value});
  if (segment == nullptr) return std::nullopt;
  return Protection{(segment->p_flags & PF_R) != 0, (segment->p_flags & PF_W) != 0,
                    (segment->p_flags & PF_X) != 0};
}

std::string CoreImages::find_path(Address address) const {
  const CoreFile* file = find_in(files_, address);
  return file != nullptr ? file->path : std::string();
}

}  // namespace strata
