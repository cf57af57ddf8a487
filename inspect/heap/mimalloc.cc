#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/peek.h"

// Source  mimalloc 2.0 to 2.2, types.h (mi_segment_t, mi_slice_t), segment.c, internal.h
//         (_mi_ptr_cookie). Version 1 and 3 have other structures and are not recognised.
//
//     segment  [ … cookie … |slices in all|of the header|kind|entries|thread|slice 0|slice 1|…]
//                ↑ the segment's address, xored with a random number that stands in static data
//     32 MiB, aligned to it; its slices of 64 KiB tile it: each names how many there are to the
//     next

namespace strata {
namespace {

constexpr Bytes kReadLimit = 96_MiB;
constexpr Bytes kSegment = 32_MiB;
constexpr Bytes kSlice = 64_KiB;
constexpr std::uint64_t kSlices = kSegment / kSlice;
// A reservation without end (a sanitizer's shadow, a cage) is not looked through.
constexpr std::size_t kProbes = 16384;
// What stands before the slices takes up to this: flags, two masks of 512 bits, counts.
constexpr std::size_t kHeaderWords = 64;

/// What follows the cookie and counts.
struct Tail {
  std::uint64_t slices;
  std::uint64_t header_slices;
  std::uint64_t kind;  // 4 bytes and padding
  std::uint64_t entries;
  std::uint64_t thread;
};
enum Kind : std::uint32_t { kNormal = 0, kHuge = 1 };

struct Segment {
  Address start;
  Bytes size;
  std::array<std::uint64_t, kHeaderWords> header;
  std::size_t tail_at;  // in words
};

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

std::optional<Segment> segment_at(Peek& peek, const AnonymousMemory& memory, Address at) {
  Segment segment{at, {}, {}, 0};
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
      if (memory.covers(range_of(at, segment.size))) return segment;
    }
  }
  return std::nullopt;
}

class Mimalloc {
 public:
  explicit Mimalloc(const HeapScene& scene)
      : scene_(scene), peek_(scene, kReadLimit), memory_(scene.space) {}

  HeapSurvey survey() {
    find_segments();
    if (!segments_.empty()) {
      find_cookie();
      book();
    }
    survey_.bytes_read = peek_.bytes_read();
    return std::move(survey_);
  }

 private:
  void find_segments() {
    std::size_t probes = 0;
    for (const Range& run : memory_.writable()) {
      for (Address at = round_up(run.start, kSegment); at < run.end;) {
        if (++probes > kProbes) return;
        const auto segment = segment_at(peek_, memory_, at);
        if (segment) segments_.push_back(*segment);
        at = round_up(at + (segment ? segment->size : kSegment), kSegment);
        if (at.value == 0) return;
      }
    }
  }

  /// Looks for the number that, xored with each segment's address, stands in its header, and that
  /// the library keeps in its data: one number for all.
  void find_cookie() {
    std::set<std::uint64_t> possible;
    for (const Segment& segment : segments_) {
      for (std::size_t i = 0; i < segment.tail_at; ++i) {
        const std::uint64_t number = segment.header[i] ^ segment.start.value;
        // A random number is not a small one, nor an address.
        if (number >> 48 != 0) possible.insert(number);
      }
    }
    std::vector<std::uint64_t> sorted(possible.begin(), possible.end());
    for (const Module& module : scene_.space.modules) {
      for (const StaticWords& statics : read_static_words(peek_, module)) {
        for (std::size_t i = 0; i < statics.words.size(); ++i) {
          const std::uint64_t word = statics.words[i];
          if (word >> 48 == 0) continue;
          if (!std::binary_search(sorted.begin(), sorted.end(), word)) continue;
          const std::size_t bearers = count_bearers(word);
          if (bearers <= best_bearers_) continue;
          best_bearers_ = bearers;
          cookie_ = word;
          cookie_at_ = statics.address(i);
        }
      }
    }
  }

  static bool bears(const Segment& segment, std::uint64_t cookie) {
    const auto end = segment.header.begin() + static_cast<std::ptrdiff_t>(segment.tail_at);
    return std::find(segment.header.begin(), end, cookie ^ segment.start.value) != end;
  }
  std::size_t count_bearers(std::uint64_t cookie) const {
    return static_cast<std::size_t>(
        std::count_if(segments_.begin(), segments_.end(),
                      [&](const Segment& segment) { return bears(segment, cookie); }));
  }

  void book() {
    if (best_bearers_ == 0) {
      survey_.notes.push_back(fmt::format(
          "{} regions are shaped like mimalloc's segments, but no library holds the number that "
          "marks them, so they are not claimed",
          segments_.size()));
      return;
    }
    const EvidenceId evidence = scene_.chart.because(fmt::format(
        "{} segments bear their own address xored with the number at {}, and their slices tile "
        "them",
        best_bearers_, place_of(scene_.space, cookie_at_)));
    const AccountId normal = scene_.chart.open({"heap", "mimalloc", "segments"});
    const AccountId huge = scene_.chart.open({"heap", "mimalloc", "huge segments"});
    for (const Segment& segment : segments_) {
      if (!bears(segment, cookie_)) continue;
      const bool is_huge = static_cast<std::uint32_t>(segment.header[segment.tail_at + 2]) == kHuge;
      claim_anonymous(memory_, survey_, range_of(segment.start, segment.size),
                      is_huge ? huge : normal, evidence);
    }
  }

  const HeapScene& scene_;
  Peek peek_;
  AnonymousMemory memory_;
  HeapSurvey survey_;
  std::vector<Segment> segments_;
  std::uint64_t cookie_ = 0;
  Address cookie_at_;
  std::size_t best_bearers_ = 0;
};

}  // namespace

HeapSurvey survey_mimalloc(const HeapScene& scene) { return Mimalloc(scene).survey(); }

}  // namespace strata
