#include <algorithm>
#include <array>
#include <limits>

#include "base/reader.h"
#include "inspect/target/elf_image.h"

namespace strata {
namespace {

// Longer owners exist nowhere; a note with one is stepped over.
constexpr std::size_t kLongestOwner = 32;

/// Hands out neighbouring small pieces of an image by few reads.
class Window {
 public:
  Window(const ImageBytes& image, Bytes end) : image_(image), end_(end) {}

  /// Up to `size` bytes at `offset`, fewer where the notes or the image end.
  Result<std::span<const std::byte>> at(Bytes offset, std::size_t size) {
    size = std::min<std::size_t>(size, saturating_sub(end_, offset).value);
    if (offset < start_ || offset + Bytes{size} > start_ + Bytes{filled_}) {
      const std::size_t wanted =
          std::min<std::size_t>(bytes_.size(), saturating_sub(end_, offset).value);
      auto got = image_(offset, std::span(bytes_).first(wanted));
      if (!got) return pass(got);
      start_ = offset;
      filled_ = got->value;
    }
    const std::size_t skip = (offset - start_).value;
    return std::span<const std::byte>(bytes_).subspan(skip, std::min(size, filled_ - skip));
  }

 private:
  const ImageBytes& image_;
  Bytes end_;
  Bytes start_;
  std::size_t filled_ = 0;
  std::array<std::byte, 16384> bytes_;
};

}  // namespace

Result<void> visit_notes(const ImageBytes& image, const Elf64_Phdr& segment, std::string_view what,
                         std::size_t& budget,
                         const std::function<Result<bool>(const ElfNote&)>& visit) {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  if (segment.p_offset > kLargest || segment.p_filesz > kLargest - segment.p_offset) {
    return fail(Cause::kCorrupt, "{} says that notes lie at {:#x} and are {:#x} bytes", what,
                segment.p_offset, segment.p_filesz);
  }
  // Contents are padded to 4 bytes; GNU properties, in a segment of their own, to 8.
  const Bytes padding{segment.p_align == 8 ? 8u : 4u};
  const Bytes end{segment.p_offset + segment.p_filesz};
  Window window(image, end);
  Bytes at{segment.p_offset};
  while (at < end) {
    if (budget-- == 0) {
      budget = 0;
      return fail(Cause::kLimit, "{} has more notes than Strata reads", what);
    }
    auto start = window.at(at, sizeof(Elf64_Nhdr) + kLongestOwner);
    if (!start) return pass(start);
    Reader reader(*start, what);
    // Elf32_Nhdr and Elf64_Nhdr are the same three words.
    auto header = reader.take<Elf64_Nhdr>("note header");
    if (!header) {
      return fail(Cause::kCorrupt, "{} ends within a note at offset {}", what, at.value);
    }
    ElfNote note;
    note.type = header->n_type;
    if (header->n_namesz > 0 && header->n_namesz <= kLongestOwner) {
      auto owner = reader.take_bytes("note owner", header->n_namesz);
      if (!owner) {
        return fail(Cause::kCorrupt, "{} ends within a note at offset {}", what, at.value);
      }
      const auto* text = reinterpret_cast<const char*>(owner->data());
      note.owner = std::string_view(text, strnlen(text, owner->size()));
    }
    // At most 2^33 more than an offset of a file: this cannot wrap.
    note.offset =
        round_up(at + Bytes{sizeof(Elf64_Nhdr)} + Bytes{header->n_namesz} - Bytes{segment.p_offset},
                 padding) +
        Bytes{segment.p_offset};
    note.size = Bytes{header->n_descsz};
    if (note.offset > end || note.size > end - note.offset) {
      return fail(Cause::kCorrupt,
                  "{}: the note of type {:#x} at offset {} says {} bytes, {} are left", what,
                  note.type, at.value, note.size.value, saturating_sub(end, note.offset).value);
    }
    auto more = visit(note);
    if (!more) return pass(more);
    if (!*more) return {};
    at = Bytes{segment.p_offset} +
         round_up(note.offset + note.size - Bytes{segment.p_offset}, padding);
  }
  return {};
}

Result<std::vector<std::byte>> read_note(const ImageBytes& image, const ElfNote& note,
                                         std::string_view what, Bytes most) {
  if (note.size > most) {
    return fail(Cause::kLimit, "{} is {} bytes; Strata reads at most {}", what, note.size.value,
                most.value);
  }
  std::vector<std::byte> contents(note.size.value);
  auto got = image(note.offset, contents);
  if (!got) return pass(got);
  contents.resize(got->value);
  return contents;
}

std::optional<std::string> find_build_id(const ImageBytes& image, const ElfImage& headers) {
  // 20 bytes by default, 8 to 16 by other linkers; more than 64 is none.
  constexpr Bytes kLongestBuildId{64};
  std::optional<std::string> build_id;
  std::size_t budget = 256;
  for (const Elf64_Phdr& segment : headers.segments) {
    if (segment.p_type != PT_NOTE || build_id) continue;
    // A segment that cannot be walked to its end may still have shown it, and the next may.
    (void)visit_notes(image, segment, "image", budget, [&](const ElfNote& note) -> Result<bool> {
      if (note.owner != ELF_NOTE_GNU || note.type != NT_GNU_BUILD_ID) return true;
      auto contents = read_note(image, note, "build-id", kLongestBuildId);
      if (!contents) return pass(contents);
      if (contents->size() != note.size.value || contents->empty()) return true;
      build_id.emplace(reinterpret_cast<const char*>(contents->data()), contents->size());
      return false;
    });
  }
  return build_id;
}

}  // namespace strata
