// mimalloc's segments (1, 2), known by a cookie that its library keeps too, and its arenas (3).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/mimalloc_arenas.h"
#include "inspect/heap/mimalloc_segments.h"
#include "inspect/heap/peek.h"

namespace strata {
namespace {

using mimalloc::kSegment1;
using mimalloc::kSegment2;
using mimalloc::Segment;

constexpr Bytes kReadLimit = 96_MiB;
// A reservation without end (a sanitizer's shadow, a cage) is not looked through.
constexpr Bytes kLargestRun = 1_GiB * 1024;
constexpr std::size_t kProbes = 16384;
// Each of them bears the cookie, so these few show which number it is.
constexpr std::size_t kSample = 256;

class Mimalloc {
 public:
  explicit Mimalloc(const HeapScene& scene)
      : scene_(scene), peek_(scene, kReadLimit), memory_(scene.space) {}

  HeapSurvey survey() {
    if (begins_with_segment1()) {
      find_segments(kSegment1, mimalloc::segment1_at);
      book(kSegment1);
    } else {
      find_segments(kSegment2, mimalloc::segment2_at);
      book(kSegment2);
    }
    book_arenas();
    survey_.bytes_read = peek_.bytes_read();
    return std::move(survey_);
  }

 private:
  struct KnownSegment {
    Range range;
    mimalloc::SegmentKind kind;
  };
  using FindSegment = std::optional<Segment> (*)(Peek&, const AnonymousMemory&, Address);

  /// A segment of version 1 is small, so memory is looked through for them only where some run
  /// begins with one.
  bool begins_with_segment1() {
    std::size_t probes = 0;
    return std::any_of(memory_.writable().begin(), memory_.writable().end(), [&](const Range& run) {
      const Address at = round_up(run.start, kSegment1);
      return run.contains(at) && ++probes < kProbes && mimalloc::segment1_at(peek_, memory_, at);
    });
  }

  void find_segments(Bytes unit, FindSegment segment_at) {
    std::size_t probes = 0;
    for (const Range& run : memory_.writable()) {
      if (run.size() > kLargestRun) continue;
      for (Address at = round_up(run.start, unit); at < run.end;) {
        if (++probes > kProbes) return;
        const auto segment = segment_at(peek_, memory_, at);
        if (segment) take(*segment);
        at = round_up(at + (segment ? segment->size : unit), unit);
        if (at.value == 0) return;
      }
    }
  }

  void take(const Segment& segment) {
    ++shaped_like_one_;
    if (sampled_) {
      keep(segment);
      return;
    }
    sample_.push_back(segment);
    if (sample_.size() == kSample) end_sample();
  }

  void end_sample() {
    find_cookie();
    sampled_ = true;
    for (const Segment& segment : sample_) keep(segment);
    sample_ = {};
  }

  void keep(const Segment& segment) {
    if (most_bearers_ == 0 || !bears(segment, cookie_)) return;
    segments_.push_back({range_of(segment.start, segment.size), segment.kind});
  }

  /// What lies between segments, and behind the last, in one reservation is an arena's and without
  /// a segment now; what was freed there may still be resident.
  void book_gaps(Bytes unit) {
    const AccountId account = scene_.chart.open({"heap", "mimalloc", "between segments"});
    const EvidenceId evidence =
        scene_.chart.because("between mimalloc's segments in one reservation, or behind the last");
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      const Address from = segments_[i].range.end;
      Address to = round_down(memory_.find_any(segments_[i].range.start)->end, unit);
      if (i + 1 < segments_.size()) to = std::min(to, segments_[i + 1].range.start);
      if (from < to) claim_anonymous(memory_, survey_, {from, to}, account, evidence);
    }
  }

  void book_arenas() {
    const auto arenas = mimalloc::find_arenas(peek_, memory_);
    const AccountId account = scene_.chart.open({"heap", "mimalloc", "arenas"});
    for (const mimalloc::Arena& arena : arenas) {
      claim_anonymous(memory_, survey_, arena.range, account,
                      scene_.chart.because(fmt::format(
                          "an arena that names the process's record at {}, which lists it",
                          place_of(scene_.space, arena.owner))));
    }
  }

  /// Looks for the number that, xored with each segment's address, stands in its header, and that
  /// the library keeps in its data: one number for all.
  void find_cookie() {
    std::set<std::uint64_t> possible;
    for (const Segment& segment : sample_) {
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
          if (bearers <= most_bearers_) continue;
          most_bearers_ = bearers;
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
        std::count_if(sample_.begin(), sample_.end(),
                      [&](const Segment& segment) { return bears(segment, cookie); }));
  }

  void book(Bytes unit) {
    if (shaped_like_one_ == 0) return;
    if (!sampled_) end_sample();
    if (most_bearers_ == 0) {
      survey_.notes.push_back(fmt::format(
          "{} regions are shaped like mimalloc's segments, but no library holds the number that "
          "marks them, so they are not claimed",
          shaped_like_one_));
      return;
    }
    const EvidenceId evidence = scene_.chart.because(fmt::format(
        "{} segments bear their own address xored with the number at {}, and what they hold is "
        "numbered as in mimalloc",
        segments_.size(), place_of(scene_.space, cookie_at_)));
    const AccountId normal = scene_.chart.open({"heap", "mimalloc", "segments"});
    const AccountId huge = scene_.chart.open({"heap", "mimalloc", "huge segments"});
    for (const auto& [range, kind] : segments_) {
      const bool is_huge = kind == mimalloc::SegmentKind::kHuge;
      claim_anonymous(memory_, survey_, range, is_huge ? huge : normal, evidence);
    }
    book_gaps(unit);
  }

  const HeapScene& scene_;
  Peek peek_;
  AnonymousMemory memory_;
  HeapSurvey survey_;
  std::vector<KnownSegment> segments_;  // that bear the cookie, at most kProbes
  std::vector<Segment> sample_;         // the first, kept until they show the cookie
  bool sampled_ = false;
  std::size_t shaped_like_one_ = 0;
  std::uint64_t cookie_ = 0;
  Address cookie_at_;
  std::size_t most_bearers_ = 0;
};

}  // namespace

HeapSurvey survey_mimalloc(const HeapScene& scene) { return Mimalloc(scene).survey(); }

}  // namespace strata
