#include "inspect/heap/mimalloc_segments.h"

namespace strata::mimalloc {
namespace {

constexpr Bytes kSlice = 64_KiB;
constexpr std::uint64_t kSlices = kSegment2 / kSlice;

/// What follows the cookie and counts.
struct Tail {
  std::uint64_t slices;
  std::uint64_t header_slices;
  std::uint64_t kind;  // 4 bytes and padding
  std::uint64_t entries;
  std::uint64_t thread;
};
enum Kind : std::uint32_t { kNormal = 0, kHuge = 1 };

struct Slice {
  std::uint32_t count;
  std::uint32_t offset;
};

/// Whether slices of `stride` bytes from `at` on tile the segment: from the header's own on, each
/// leads to the next, exactly to the end.
bool slices_tile(Peek& peek, Address at, Bytes stride, const Tail& tail) {
  const auto own = peek.value<Slice>(at);
  if (!own || own->count != tail.header_slices || own->offset != 0) return false;
  std::uint64_t index = own->count;
  while (index < tail.entries) {
    const auto slice = peek.value<Slice>(at + stride * index);
    if (!slice || slice->count == 0 || slice->offset != 0) return false;
    index += slice->count;
  }
  return index == tail.entries || static_cast<std::uint32_t>(tail.kind) == kHuge;
}

bool could_be_tail(const Tail& tail) {
  const auto kind = static_cast<std::uint32_t>(tail.kind);
  if (tail.header_slices == 0 || tail.header_slices > 16 || tail.entries == 0) return false;
  if (tail.entries > kSlices || tail.slices < tail.entries) return false;
  return kind == kNormal ? tail.slices == kSlices && tail.entries == kSlices
                         : kind == kHuge && tail.slices < std::uint64_t{1} << 32;
}

/// What stands before the pages of a segment of version 1.
struct Tail1 {
  std::uint64_t thread;
  std::uint64_t page_shift;
  std::uint64_t kind;  // 4 bytes and padding
};
constexpr std::uint64_t kPageShifts[] = {16, 19, 22};  // small, medium, large
constexpr std::uint32_t kHuge1 = 3;
constexpr std::uint64_t kMostPages = 64;
// A huge segment is as large as its one block, which is more than a large page takes.
constexpr Bytes kLeastHuge = 1_MiB;
constexpr Bytes kMostHuge = 16_GiB * 1024;

bool could_be_tail1(const Tail1& tail) {
  const auto kind = static_cast<std::uint32_t>(tail.kind);
  if (kind == kHuge1) return tail.page_shift >= 22 && tail.page_shift < 48;
  return kind < kHuge1 && tail.page_shift == kPageShifts[kind];
}

/// Whether `count` pages of `stride` bytes from `at` on carry their numbers.
bool pages_are_numbered(Peek& peek, Address at, Bytes stride, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (peek.value<std::uint8_t>(at + stride * i) != i) return false;
  }
  return true;
}

/// How many pages the segment has by its kind, where its header counts as many: used, then
/// capacity, then the size of what stands before the first block.
std::optional<std::uint64_t> count_pages(const Segment& segment, const Tail1& tail) {
  const bool is_huge = static_cast<std::uint32_t>(tail.kind) == kHuge1;
  const std::uint64_t pages = is_huge ? 1 : kSegment1.value >> tail.page_shift;
  for (std::size_t i = 1; i + 1 < segment.tail_at; ++i) {
    const std::uint64_t info_size = segment.header[i + 1];
    if (segment.header[i] != pages || segment.header[i - 1] > pages) continue;
    if (info_size < segment.tail_at * 8 || info_size > (1 << 20)) continue;
    if (info_size % 16 == 0) return pages;
  }
  return std::nullopt;
}

/// The largest size in the header that the memory bears out.
Bytes size_by_header(const Segment& segment, const AnonymousMemory& memory) {
  Bytes size;
  for (std::size_t i = 0; i < segment.tail_at; ++i) {
    const Bytes one{segment.header[i]};
    if (one < kLeastHuge || one.value % 4096 != 0 || one > kMostHuge) continue;
    if (memory.covers(range_of(segment.start, one))) size = std::max(size, one);
  }
  return size;
}

}  // namespace

std::optional<Segment> segment1_at(Peek& peek, const AnonymousMemory& memory, Address at) {
  Segment segment{at};
  if (!peek.read(at, std::as_writable_bytes(std::span(segment.header)))) return std::nullopt;
  constexpr std::size_t kTailWords = sizeof(Tail1) / 8;
  for (std::size_t i = 6; i + kTailWords <= kHeaderWords; ++i) {
    const Tail1 tail{segment.header[i], segment.header[i + 1], segment.header[i + 2]};
    segment.tail_at = i;
    if (!could_be_tail1(tail)) continue;
    const auto pages = count_pages(segment, tail);
    if (!pages || *pages > kMostPages) continue;
    segment.kind =
        static_cast<std::uint32_t>(tail.kind) == kHuge1 ? SegmentKind::kHuge : SegmentKind::kNormal;
    segment.size = segment.kind == SegmentKind::kHuge ? size_by_header(segment, memory) : kSegment1;
    if (segment.size == 0_B || !memory.covers(range_of(at, segment.size))) continue;
    const Address first = at + Bytes{(i + kTailWords) * 8};
    for (std::uint64_t stride = 56; stride <= 128; stride += 8) {
      if (pages_are_numbered(peek, first, Bytes{stride}, *pages)) return segment;
    }
  }
  return std::nullopt;
}

std::optional<Segment> segment2_at(Peek& peek, const AnonymousMemory& memory, Address at) {
  Segment segment{at};
  if (!peek.read(at, std::as_writable_bytes(std::span(segment.header)))) return std::nullopt;
  constexpr std::size_t kTailWords = sizeof(Tail) / 8;
  for (std::size_t i = 4; i + kTailWords <= kHeaderWords; ++i) {
    const Tail tail{segment.header[i], segment.header[i + 1], segment.header[i + 2],
                    segment.header[i + 3], segment.header[i + 4]};
    if (!could_be_tail(tail)) continue;
    const Address slices = at + Bytes{(i + kTailWords) * 8};
    for (std::uint64_t stride = 64; stride <= 128; stride += 8) {
      if (!slices_tile(peek, slices, Bytes{stride}, tail)) continue;
      segment.size = kSlice * tail.slices;
      segment.tail_at = i;
      segment.kind = static_cast<std::uint32_t>(tail.kind) == kHuge ? SegmentKind::kHuge
                                                                    : SegmentKind::kNormal;
      if (memory.covers(range_of(at, segment.size))) return segment;
    }
  }
  return std::nullopt;
}

}  // namespace strata::mimalloc
