#include "present/chunks_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/printable.h"
#include "inspect/heap/glibc/blocks.h"
#include "present/block_list.h"
#include "present/heap_view.h"
#include "present/numerals.h"

namespace strata {
namespace {

using glibc::ChunkState;
using glibc::ChunkTape;

/// Indexed by ChunkState; the last is of those that have no state.
constexpr std::string_view kStates[] = {"live", "thread cache", "fast bin",   "free",
                                        "top",  "fence",        "not walked", "mmapped"};
constexpr std::string_view kMmapped = kStates[glibc::kChunkStates];
static_assert(std::size(kStates) == glibc::kChunkStates + 1);

// In the order of the columns.
enum : std::size_t { kAddress, kBytes, kState, kIndex, kArena, kColumns };

/// Those of the tape and the mmapped ones together, by address.
class Rows {
 public:
  Rows(std::shared_ptr<const glibc::Contents> contents, const ChunksView& how)
      : contents_(std::move(contents)), how_(how), player_(contents_->chunks()) {
    is_on_ = play();
  }

  bool next(std::vector<Cell>& row) {
    const glibc::MmappedChunks& mmapped = contents_->heap.mmapped;
    const bool is_mmapped = !how_.arena && mmapped_ < mmapped.chunks.size();
    if (is_mmapped && (!is_on_ || mmapped.chunks[mmapped_].start < entry_.chunk.range.start)) {
      row[kAddress] = mmapped.headers[mmapped_] + glibc::kHeader;
      row[kBytes] = mmapped.chunks[mmapped_].size().value;
      set_text(row[kState], kMmapped);
      row[kIndex] = row[kArena] = Cell{};
      ++mmapped_;
      return true;
    }
    if (!is_on_) return false;
    const glibc::Chunk& chunk = entry_.chunk;
    const bool is_chunk = chunk.state != ChunkState::kLost;
    row[kAddress] = is_chunk ? chunk.user() : chunk.range.start;
    row[kBytes] = chunk.range.size().value;
    set_text(row[kState], kStates[static_cast<std::size_t>(chunk.state)]);
    row[kIndex] = std::uint64_t{entry_.arena};
    set_text(row[kArena], contents_->heap.arenas[entry_.arena].name);
    is_on_ = play();
    return true;
  }

 private:
  bool play() {
    while (player_.next(entry_)) {
      if (!how_.arena || *how_.arena == entry_.arena) return true;
    }
    return false;
  }

  std::shared_ptr<const glibc::Contents> contents_;
  ChunksView how_;
  ChunkTape::Player player_;
  ChunkTape::Entry entry_;
  bool is_on_;  // entry_ is a row to come
  std::size_t mmapped_ = 0;
};

/// A row as wide as any can be: no chunk is larger than what it lies in.
std::vector<Cell> widest_row(const glibc::Heap& heap) {
  Address highest;
  Bytes largest;
  std::string name = "-";
  const auto note = [&](Range range) {
    highest = std::max(highest, range.end);
    largest = std::max(largest, range.size());
  };
  for (const glibc::Arena& arena : heap.arenas) {
    for (const glibc::Region& region : arena.regions) note(region.chunks);
    if (arena.name.size() > name.size()) name = arena.name;
  }
  for (const Range& chunk : heap.mmapped.chunks) note(chunk);
  return {highest, largest.value,
          std::string(*std::max_element(
              std::begin(kStates), std::end(kStates),
              [](std::string_view a, std::string_view b) { return a.size() < b.size(); })),
          std::uint64_t{heap.arenas.size()}, name};
}

Stream list(const Explanation& e, const ChunksView& how) {
  Stream stream;
  // Sizes exactly: what stands at an address is looked up by them.
  stream.columns = {
      {"address", "ADDRESS"}, {"bytes", "BYTES"}, {"state", "STATE"}, {"arena", ""}, {"", "ARENA"}};
  stream.widest = widest_row(e.glibc->heap);
  stream.next = [rows = Rows(e.glibc, how)](std::vector<Cell>& row) mutable {
    return rows.next(row);
  };
  return stream;
}

std::string summary(const Explanation& e, const ChunksView& how) {
  const glibc::Contents& contents = *e.glibc;
  std::uint64_t chunks = 0, lost = 0;
  for (std::size_t i = 0; i < contents.heap.arenas.size(); ++i) {
    if (how.arena && *how.arena != i) continue;
    for (const glibc::ListCount& state : contents.tally.arena(i).states) chunks += state.chunks;
    lost += contents.tally.arena(i).of(ChunkState::kLost).chunks;
  }
  const std::string where = how.arena ? " of " + contents.heap.arenas[*how.arena].name : "";
  if (!how.arena) chunks += contents.heap.mmapped.chunks.size();
  const auto count = [](std::uint64_t n, const char* what) {
    return fmt::format("{} {}{}", grouped(n), what, n == 1 ? "" : "s");
  };
  const std::string gaps = lost == 0 ? ""
                                     : fmt::format(" and {} that {} not walked", count(lost, "gap"),
                                                   lost == 1 ? "was" : "were");
  return fmt::format("{} ({}): {}{}{}, by address; bytes include headers",
                     printable(e.identity.name), e.identity.pid, count(chunks - lost, "chunk"),
                     where, gaps);
}

}  // namespace

Document view(const Explanation& explanation, const ChunksView& how) {
  HeapView all;
  all.arena = how.arena;
  return with_block_list(view(explanation, all), summary(explanation, how),
                         {"chunks", "", list(explanation, how), ""});
}

}  // namespace strata
