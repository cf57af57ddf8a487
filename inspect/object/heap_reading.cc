#include "inspect/object/heap_reading.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/strata/table.h"
#include "inspect/object/glibc_blocks.h"
#include "inspect/object/strata_blocks.h"
#include "inspect/page/counters.h"

namespace strata {
namespace {

constexpr Bytes kReadLimit = 96_MiB;

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
  if (auto found = find_blocks(); !found) return pass(found);
  map_ = BlockMap::make(blocks_->ground());
  if (!map_) {
    return fail(Cause::kUnsupported,
                "the heap of {} is larger than 64 GiB, which is as much as can be followed",
                target_.identity().origin);
  }
  references_.emplace(*map_);
  read_ += blocks_->read(*map_, *references_);
  if (references_->is_full()) {
    return fail(Cause::kUnsupported,
                "the heap of {} has more than {} words that could be pointers, which is as many as "
                "can be followed",
                target_.identity().origin, ~std::uint32_t{0});
  }
  read_apart();
  reach_.emplace(*map_, *references_);
  read_roots();
  return {};
}

/// Of the malloc that the program calls.
Result<void> HeapReading::find_blocks() {
  const AnonymousMemory anonymous(space_);
  const HeapScene scene{space_, memory_, chart_};
  Peek peek(scene, kReadLimit);
  // Why one was recognised and cannot be read.
  std::vector<std::string> misfits;
  if (auto table = strata_malloc::find_table(peek, space_, misfits)) {
    read_ += peek.bytes_read();
    blocks_ =
        std::make_unique<StrataBlocks>(space_, memory_, std::move(*table), std::move(misfits));
    return {};
  }
  auto heap = glibc::read_heap(peek, scene, anonymous, &misfits);
  if (!heap && !misfits.empty()) return fail(Cause::kUnsupported, "{}", misfits.front());
  if (!heap) {
    return fail(Cause::kUnsupported, "no malloc of glibc's is in use in {}, nor Strata's{}",
                target_.identity().origin,
                is_32_bit() ? "; it is a 32-bit process, whose heap cannot be read" : "");
  }
  read_ += heap->bytes_read;
  blocks_ = std::make_unique<GlibcBlocks>(memory_, std::move(*heap));
  return {};
}

void HeapReading::resolve() {
  blocks_->settle(*map_);
  references_->resolve();
  for (std::size_t i = 0; i < root_words_.size(); ++i) {
    const RootWord& root = root_words_[i];
    add_root(root.word, root.at, roots_[root.number].what);
  }
  for (const RegisterRoot& root : find_register_roots(space_, blocks_->waiting())) {
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

void HeapReading::read_apart() {
  ReferenceBatches batches;
  const auto scan = [&](const Piece& piece, std::size_t slot) {
    batches[slot].clear();
    for (const Range& part : piece.parts) {
      references_->scan_apart(words_of(piece.part(part)), batches[slot]);
    }
  };
  read_ += read_pieces(memory_, map_->apart(), scan, [&](const Piece& piece, std::size_t slot) {
    references_->add_apart(piece.number, batches[slot]);
  });
}

void HeapReading::read_roots() {
  roots_ = find_roots(space_, blocks_->own());
  // Blocks there may be, or what the program asked the kernel for between two of malloc's calls.
  for (const Range& lost : blocks_->lost()) {
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
  read_ += read_pieces(memory_, ranges, scan, [&](const Piece& piece, std::size_t slot) {
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
