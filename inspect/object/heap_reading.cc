#include "inspect/object/heap_reading.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/glibc/chunk_walk.h"
#include "inspect/heap/strata/table.h"
#include "inspect/page/counters.h"

namespace strata {
namespace {

constexpr Bytes kReadLimit = 96_MiB;

/// `bytes`, which begin at a multiple of 8.
std::span<const std::uint64_t> words_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint64_t*>(bytes.data()), bytes.size() / 8};
}

/// Words that begin at any byte, also where one part of memory goes on in the next.
class UnalignedWords {
 public:
  template <class Seen>
  void of(Address from, std::span<const std::byte> bytes, Seen&& seen) {
    if (from != end_) bytes_.clear();
    const Address start = from - Bytes{bytes_.size()};
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    for (std::size_t i = 0; i + 8 <= bytes_.size(); ++i) {
      std::uint64_t word;
      std::memcpy(&word, &bytes_[i], sizeof word);
      seen(word, start + Bytes{i});
    }
    end_ = from + Bytes{bytes.size()};
    bytes_.erase(bytes_.begin(), bytes_.end() - std::min<std::ptrdiff_t>(7, std::ssize(bytes_)));
  }

 private:
  std::vector<std::byte> bytes_;  // the last that were seen
  Address end_;                   // their end
};

/// By slot of pieces that are read ahead.
using Batches = std::array<References::Batch, ReadAhead::kPieces>;

}  // namespace

Bytes HeapReading::memory_needed(const Target& target) {
  const auto counters = read_status(target);
  const Bytes anonymous = counters ? counters->resident_anonymous.value_or(0_B) : 0_B;
  // Two bits for each granule, and 6 bytes for a pointer in every 96.
  return spare_memory(Bytes{anonymous.value / 64 + anonymous.value / 16});
}

Result<void> HeapReading::read(const std::vector<Thread>& standing, Shelf& shelf) {
  auto space = read_space(memory_, standing, shelf);
  if (!space) return pass(space);
  space_ = std::move(*space);
  const AnonymousMemory anonymous(space_);
  const HeapScene scene{space_, memory_, chart_};
  Peek peek(scene, kReadLimit);
  // Where glibc's is in use too, what leads to its blocks may stand in these.
  std::vector<std::string> misfits;
  if (strata_malloc::find_table(peek, space_, misfits)) {
    return fail(Cause::kUnsupported,
                "the heap of {} is the Strata malloc's, and leaks there are not found yet",
                target_.identity().origin);
  }
  misfits.clear();
  heap_ = glibc::read_heap(peek, scene, anonymous, &misfits);
  if (!heap_ && !misfits.empty()) return fail(Cause::kUnsupported, "{}", misfits.front());
  if (!heap_) {
    return fail(Cause::kUnsupported, "no malloc of glibc's is in use in {}{}",
                target_.identity().origin,
                is_32_bit() ? "; it is a 32-bit process, whose heap cannot be read" : "");
  }
  read_ += heap_->bytes_read;
  map_ = BlockMap::make(*heap_);
  if (!map_) {
    return fail(Cause::kUnsupported,
                "the heap of {} is larger than 64 GiB, which is as much as can be followed",
                target_.identity().origin);
  }
  references_.emplace(*map_);
  walk();
  if (references_->is_full()) {
    return fail(Cause::kUnsupported,
                "the heap of {} has more than {} words that could be pointers, which is as many as "
                "can be followed",
                target_.identity().origin, ~std::uint32_t{0});
  }
  read_mapped();
  reach_.emplace(*map_, *references_);
  read_roots();
  return {};
}

void HeapReading::resolve() {
  fast_->follow(glibc::FastBins::Rest::kEnds);
  heap_->fast.each([&](Address chunk) { map_->free(chunk); });
  if (auto note = fast_->note()) heap_->notes.push_back(std::move(*note));
  references_->resolve();
  for (std::size_t i = 0; i < root_words_.size(); ++i) {
    const RootWord& root = root_words_[i];
    add_root(root.word, root.at, roots_[root.number].what);
  }
  for (const RegisterRoot& root : find_register_roots(space_, *heap_)) {
    add_root(root.word, {}, root.what);
  }
}

/// The stack of a 64-bit process lies far above.
bool HeapReading::is_32_bit() const {
  return std::all_of(space_.mappings.begin(), space_.mappings.end(), [](const Mapping& m) {
    return m.range.end <= Address{std::uint64_t{1} << 32} || m.name == "[vsyscall]";
  });
}

void HeapReading::add_root(std::uint64_t word, Address at, const std::string& what) {
  const BlockMap::Found found = map_->find(map_->place_of(word));
  if (found.block == BlockMap::kNowhere) return;
  reach_->add_root(found);
  if (options_.why) first_steps_.try_emplace(found.block, Step{at, what, {}, {}});
}

/// Calls `scan` with each piece of `ranges` where it is read, then `seen` in order.
template <class Seen>
void HeapReading::read_all(const std::vector<Range>& ranges, ReadAhead::Prepare scan, Seen&& seen) {
  ReadAhead ahead(memory_, ranges, std::move(scan));
  for (auto next = ahead.next(); next.piece != nullptr; next = ahead.next()) {
    seen(*next.piece, next.slot);
    for (const Range& part : next.piece->parts) read_ += part.size();
  }
}

void HeapReading::walk() {
  std::vector<std::pair<const glibc::Region*, const glibc::Arena*>> regions;
  for (const glibc::Arena& arena : heap_->arenas) {
    for (const glibc::Region& region : arena.regions) regions.emplace_back(&region, &arena);
  }
  std::sort(regions.begin(), regions.end(),
            [](const auto& a, const auto& b) { return a.first->chunks < b.first->chunks; });
  std::vector<Range> ranges;
  for (const auto& [region, arena] : regions) {
    // Of the top its header alone.
    const bool has_top = region->chunks.contains(arena->top);
    ranges.push_back(
        {region->chunks.start, has_top ? arena->top + glibc::kHeader : region->chunks.end});
  }
  Batches batches;
  const auto scan = [&](const Piece& piece, std::size_t slot) {
    batches[slot].clear();
    for (const Range& part : piece.parts) {
      references_->scan(part.start, words_of(piece.part(part)), batches[slot]);
    }
  };
  const auto add = [&](const Piece&, std::size_t slot) { references_->add(batches[slot]); };
  glibc::Window window(memory_, std::move(ranges), scan, add);
  fast_.emplace(memory_, *heap_);
  for (const auto& [region, arena] : regions) {
    glibc::ChunkWalk walk(window, *heap_, *arena, *region);
    for (glibc::Chunk chunk; walk.next(chunk);) {
      map_->add(chunk);
      if (chunk.state == glibc::ChunkState::kLive) fast_->pass(chunk, walk.first_word());
      if (chunk.state == glibc::ChunkState::kLost) lost_.push_back(chunk.range);
    }
  }
  window.finish();
  read_ += window.bytes_read();
}

void HeapReading::read_mapped() {
  Batches batches;
  const auto scan = [&](const Piece& piece, std::size_t slot) {
    batches[slot].clear();
    for (const Range& part : piece.parts) {
      references_->scan_mapped(words_of(piece.part(part)), batches[slot]);
    }
  };
  read_all(map_->mapped(), scan, [&](const Piece& piece, std::size_t slot) {
    references_->add_mapped(piece.number, batches[slot]);
  });
}

void HeapReading::read_roots() {
  roots_ = find_roots(space_, *heap_);
  // Blocks there may be, or what the program asked the kernel for between two of malloc's calls.
  for (const Range& lost : lost_) {
    roots_.push_back({lost, "a part of the heap that is no chunk", RootRange::Pointers::kAligned});
  }
  std::vector<Range> ranges;
  for (const RootRange& root : roots_) {
    ranges.push_back({round_up(root.range.start, 8_B), root.range.end});
  }
  const Bands& bands = map_->bands();
  const auto is_anywhere = [&](const Piece& piece) {
    return roots_[piece.number].pointers == RootRange::Pointers::kAnywhere;
  };
  std::array<std::vector<RootWord>, ReadAhead::kPieces> found;
  const auto scan = [&](const Piece& piece, std::size_t slot) {
    found[slot].clear();
    if (is_anywhere(piece)) return;
    for (const Range& part : piece.parts) {
      const auto words = words_of(piece.part(part));
      bands.each_in(words, [&](std::size_t i) {
        if (!map_->is_placed(words[i])) return;
        found[slot].push_back({words[i], part.start + Bytes{i * 8}, piece.number});
      });
    }
  };
  UnalignedWords unaligned;
  read_all(ranges, scan, [&](const Piece& piece, std::size_t slot) {
    root_words_.append(found[slot]);
    if (!is_anywhere(piece)) return;
    for (const Range& part : piece.parts) {
      unaligned.of(part.start, piece.part(part), [&](std::uint64_t word, Address at) {
        if (bands.contain(word)) root_words_.push_back({word, at, piece.number});
      });
    }
  });
}

}  // namespace strata
