#include "inspect/heap/glibc/mmapped.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

#include "inspect/heap/glibc/mmapped_choice.h"
#include "inspect/page/read_ahead.h"

namespace strata::glibc {
namespace {

constexpr Bytes kPage = 4_KiB;
constexpr std::uint64_t kIsMmapped = 2;
constexpr std::uint64_t kFlagBits = 7;
constexpr std::uint64_t kIsHugePage = 1;  // in the offset, from 2.43 on
constexpr Bytes kLargestAlignment = 1_GiB;
// Looking at one mapping costs about a microsecond, so how many are looked at depends on how
// many chunks there are to be found.
constexpr std::size_t kProbesAtLeast = 4096;
constexpr std::size_t kProbesPerChunk = 4;
// What is looked through page by page when chunks are still missing.
constexpr Bytes kSweepLimit = 512_MiB;  // 80 ms
constexpr Bytes kSweepWindow = 1_MiB;
// Twice as many as glibc makes unless told otherwise (M_MMAP_MAX).
constexpr std::size_t kMostCandidates = 1 << 17;
// Each costs some twenty reads of 16 bytes.
constexpr std::size_t kAlignedLookedFor = 1024;
// In all, at a microsecond each.
constexpr std::size_t kMostInside = 16384;

struct Header {
  std::uint64_t previous;
  std::uint64_t size;
};

/// All that is mapped for the chunk whose `header` stands `offset` behind the mapping's `start`.
std::optional<Range> mapped_by(Header header, Address start, Bytes offset, Address limit) {
  if ((header.size & kFlagBits) != kIsMmapped) return std::nullopt;
  const Bytes size{header.size & ~kFlagBits};
  Bytes whole{};
  if (header.previous == offset.value && (offset + size).value % kPage.value == 0) {
    whole = offset + size;
  } else if ((header.previous & ~kIsHugePage) == offset.value &&
             (offset + size + 16_B).value % kPage.value == 0) {
    whole = offset + size + 16_B;
  } else {
    return std::nullopt;
  }
  if (size < 16_B || whole < kPage || whole < offset || whole > limit - start) return std::nullopt;
  return range_of(start, whole);
}

/// Where memalign() puts the header in a mapping of its own, for each alignment there can be: the
/// user's bytes begin at the first multiple, or at the next where that leaves less than a chunk.
std::vector<Bytes> aligned_offsets(Address start, Address limit) {
  std::vector<Bytes> offsets;
  for (Bytes alignment = 32_B; alignment <= kLargestAlignment; alignment = alignment * 2) {
    Address user = round_up(start + 16_B, alignment);
    if (user - start < 16_B + 32_B) user = user + alignment;
    if (user >= limit) break;
    const Bytes offset = user - start - 16_B;
    if (offsets.empty() || offsets.back() != offset) offsets.push_back(offset);
  }
  return offsets;
}

class Search {
 public:
  /// kInside looks behind each page of what could begin with a moved chunk, too.
  enum class Depth { kStarts, kInside };

  Search(Peek& peek, const Space& space, const AnonymousMemory& memory,
         const std::vector<Range>& claimed, const std::optional<Parameters>& parameters,
         Depth depth)
      : peek_(peek),
        space_(space),
        memory_(memory),
        claimed_(claimed),
        parameters_(parameters),
        depth_(depth) {}

  const std::vector<MmappedCandidate>& candidates() const { return candidates_; }

  bool all_found() const {
    return parameters_ && candidates_.size() == parameters_->mmapped_chunks &&
           bytes_ == parameters_->mmapped_bytes;
  }
  bool more_wanted() const {
    return !parameters_ || (candidates_.size() < parameters_->mmapped_chunks &&
                            bytes_ < parameters_->mmapped_bytes);
  }

  /// Steps from each mapping's start.
  void probe_starts() {
    std::size_t probes = kProbesAtLeast;
    if (parameters_) probes += kProbesPerChunk * parameters_->mmapped_chunks;
    for (const Mapping* mapping : likely_first()) {
      if (probes-- == 0 || all_found()) return;
      step_from(mapping->range.start);
    }
  }

  /// Looks at the start of each present page of what is left, for chunks that merged with a
  /// neighbour below which is none: first behind chunks whose mapping goes on, as neighbours of
  /// malloc's are mostly malloc's.
  void sweep_pages() {
    std::vector<Address> ends;
    for (const MmappedCandidate& candidate : candidates_) {
      if (!candidate.ends_sure) ends.push_back(candidate.range.end);
    }
    for (const Address end : ends) {
      if (const auto run = memory_.find_writable(end)) sweep({end, run->end});
    }
    for (const Range& run : memory_.writable()) sweep(run);
  }

 private:
  /// The end of the claim or candidate that covers `at`.
  std::optional<Address> end_of_known(Address at) const {
    auto next = std::upper_bound(claimed_.begin(), claimed_.end(), at,
                                 [](Address a, const Range& r) { return a < r.start; });
    if (next != claimed_.begin() && std::prev(next)->contains(at)) return std::prev(next)->end;
    const auto found = ends_.upper_bound(at);
    if (found != ends_.begin() && at < std::prev(found)->second) return std::prev(found)->second;
    return std::nullopt;
  }

  bool ends_surely(Address end) const {
    if (end_of_known(end)) return true;
    const Mapping* const mapping = space_.find_mapping(end);
    return mapping == nullptr || mapping->range.start == end;
  }

  struct Found {
    Range range;
    Address chunk;
  };
  std::optional<Header> header_at(Address at) {
    Header header;
    if (!peek_.read(at, std::as_writable_bytes(std::span(&header, 1)))) return std::nullopt;
    return header;
  }
  /// memalign() leaves the first header as it was, and mremap() does not know of it: where there is
  /// one behind it that fits, that counts.
  std::optional<Found> chunk_at(Address start, Address limit) {
    std::optional<Found> found;
    const auto header = header_at(start);
    if (header) {
      if (const auto range = mapped_by(*header, start, 0_B, limit)) found = Found{*range, start};
      const bool was_one = header->previous == 0 && (header->size & kFlagBits) == kIsMmapped;
      if (!found && !was_one && (header->previous != 0 || header->size != 0)) return std::nullopt;
      if (depth_ == Depth::kInside && was_one &&
          !(found && is_followed_well(found->range.end, limit))) {
        if (const auto moved = chunk_inside(start, limit)) return moved;
      }
    }
    if (found && candidates_.size() >= kAlignedLookedFor) return found;
    for (const Bytes offset : aligned_offsets(start, limit)) {
      if (const auto aligned = chunk_behind(start, offset, limit)) return aligned;
    }
    return found;
  }
  std::optional<Found> chunk_behind(Address start, Bytes offset, Address limit) {
    const auto header = header_at(start + offset);
    if (!header) return std::nullopt;
    const auto range = mapped_by(*header, start, offset, limit);
    return range ? std::optional(Found{*range, start + offset}) : std::nullopt;
  }
  bool is_followed_well(Address end, Address limit) {
    if (ends_surely(end)) return true;
    const auto header = header_at(end);
    return header && mapped_by(*header, end, 0_B, limit).has_value();
  }
  /// One that memalign() aligned to pages and mremap() then moved: by the end of a page.
  std::optional<Found> chunk_inside(Address start, Address limit) {
    for (Address page = start + kPage; page < limit && inside_looked_at_ < kMostInside;
         page = page + kPage) {
      ++inside_looked_at_;
      if (const auto found = chunk_behind(start, page - start - 16_B, limit)) return found;
    }
    return std::nullopt;
  }

  void sweep(Range run) {
    const PresentMemory& memory = peek_.memory();
    Piece piece;
    Address at = run.start;
    while (at < run.end && swept_ < kSweepLimit && more_wanted()) {
      if (const auto behind = end_of_known(at)) {
        at = *behind;
        continue;
      }
      const Address next = std::min(at + kSweepWindow, run.end);
      read_piece(memory, {at, next}, piece);
      for (const Range& part : piece.parts) {
        swept_ += part.size();
        for (Address page = round_up(part.start, kPage); page + Bytes{sizeof(Header)} <= part.end;
             page = page + kPage) {
          Header header;
          std::memcpy(&header, piece.part(range_of(page, Bytes{sizeof(Header)})).data(),
                      sizeof header);
          if (end_of_known(page) || !mapped_by(header, page, 0_B, run.end)) continue;
          step_from(page);
        }
      }
      at = next;
      if (!piece.parts.empty()) continue;
      const auto present = memory.next_present(at, run.end);
      at = present ? round_down(*present, kPage) : run.end;
    }
  }

  void step_from(Address start) {
    const auto run = memory_.find_writable(start);
    if (!run) return;
    Address at = start;
    while (at < run->end && !end_of_known(at) && candidates_.size() < kMostCandidates) {
      const auto found = chunk_at(at, run->end);
      if (!found) return;
      const Range* const chunk = &found->range;
      // The one before is followed by a header, so its end is sure now.
      const bool follows = !candidates_.empty() && candidates_.back().range.end == at;
      if (follows) candidates_.back().ends_sure = true;
      candidates_.push_back({*chunk, ends_surely(chunk->end), follows, found->chunk});
      ends_.emplace(chunk->start, chunk->end);
      bytes_ += chunk->size();
      at = chunk->end;
    }
  }

  /// Mappings that could begin with a chunk. A program that makes thousands of mappings of its
  /// own makes them alike, so what has a rare size comes first.
  std::vector<const Mapping*> likely_first() const {
    const Bytes smallest = std::min(parameters_ ? parameters_->mmap_threshold : kPage, 128_KiB);
    std::unordered_map<std::uint64_t, std::size_t> alike;
    std::vector<const Mapping*> all;
    for (const Mapping& mapping : space_.mappings) {
      if (!is_private_anonymous(mapping) || !mapping.writable || !mapping.readable) continue;
      if (mapping.executable || mapping.name == "[heap]") continue;
      if (mapping.range.size() < std::max(kPage, smallest)) continue;
      if (end_of_known(mapping.range.start)) continue;
      ++alike[mapping.range.size().value];
      all.push_back(&mapping);
    }
    std::stable_sort(all.begin(), all.end(), [&](const Mapping* a, const Mapping* b) {
      return alike[a->range.size().value] < alike[b->range.size().value];
    });
    return all;
  }

  Peek& peek_;
  const Space& space_;
  const AnonymousMemory& memory_;
  const std::vector<Range>& claimed_;
  const std::optional<Parameters>& parameters_;
  const Depth depth_;
  std::vector<MmappedCandidate> candidates_;
  std::size_t inside_looked_at_ = 0;
  Bytes swept_;
  std::map<Address, Address> ends_;  // where each candidate begins and ends
  Bytes bytes_;
};

Bytes sum_of(const std::vector<Range>& ranges) {
  Bytes sum;
  for (const Range& range : ranges) sum += range.size();
  return sum;
}

Search search_all(Peek& peek, const Space& space, const AnonymousMemory& memory,
                  const std::vector<Range>& claimed, const std::optional<Parameters>& parameters) {
  if (parameters) {
    // Moved chunks are rare, and to look for them costs a microsecond a page.
    Search starts(peek, space, memory, claimed, parameters, Search::Depth::kStarts);
    starts.probe_starts();
    if (starts.all_found()) return starts;
  }
  Search search(peek, space, memory, claimed, parameters, Search::Depth::kInside);
  search.probe_starts();
  if (parameters && search.more_wanted()) search.sweep_pages();
  return search;
}

}  // namespace

MmappedChunks find_mmapped(Peek& peek, const Space& space, const AnonymousMemory& memory,
                           const std::vector<Range>& claimed,
                           const std::optional<Parameters>& parameters) {
  MmappedChunks found;
  if (parameters && parameters->mmapped_chunks == 0) return found;
  const Search search = search_all(peek, space, memory, claimed, parameters);

  std::optional<std::vector<Range>> chosen;
  if (parameters) {
    chosen =
        choose_by_count(search.candidates(), parameters->mmapped_chunks, parameters->mmapped_bytes);
    if (!chosen && parameters->mmapped_bytes_drift &&
        search.candidates().size() == parameters->mmapped_chunks) {
      chosen.emplace();
      for (const MmappedCandidate& candidate : search.candidates()) {
        chosen->push_back(candidate.range);
      }
    }
  }
  if (chosen) {
    found.chunks = std::move(*chosen);
    found.evidence = fmt::format(
        "headers with IS_MMAPPED step by size through their mappings, and they are the {} chunks "
        "of {} in all that malloc_par counts",
        parameters->mmapped_chunks, size_text(parameters->mmapped_bytes));
  } else {
    // A chunk right behind another one is as sure as that one, though foreign memory may have
    // merged with its end. Where there are more than glibc counts, some are none, and which is not
    // known.
    const bool too_many = parameters && (search.candidates().size() > parameters->mmapped_chunks ||
                                         sum_of(search.candidates()) > parameters->mmapped_bytes);
    for (const MmappedCandidate& candidate : search.candidates()) {
      if (too_many) break;
      if (candidate.ends_sure || (candidate.follows && parameters)) {
        found.chunks.push_back(candidate.range);
      }
    }
    found.evidence =
        "a header with IS_MMAPPED whose size steps exactly to the mapping's end, or that stands "
        "right behind such a chunk";
  }
  std::sort(found.chunks.begin(), found.chunks.end());
  std::map<Address, Address> headers;
  for (const MmappedCandidate& candidate : search.candidates()) {
    headers[candidate.range.start] = candidate.chunk;
  }
  for (const Range& chunk : found.chunks) found.headers.push_back(headers[chunk.start]);
  const bool all_chosen = chosen && parameters->mmapped_bytes_drift &&
                          found.chunks.size() == parameters->mmapped_chunks;
  if (parameters && !all_chosen && sum_of(found.chunks) != parameters->mmapped_bytes) {
    found.notes.push_back(fmt::format(
        "glibc counts {} mmapped chunks of {} in all; {} of {} in all could be told from other "
        "memory, the rest merged with it or looks like it, or they changed meanwhile",
        parameters->mmapped_chunks, size_text(parameters->mmapped_bytes), found.chunks.size(),
        size_text(sum_of(found.chunks))));
  }
  return found;
}

}  // namespace strata::glibc
