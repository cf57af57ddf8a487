// inspect/ledger/findings/made_heap.h - for tests: a glibc heap made by hand, an arena at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "inspect/heap/glibc/blocks.h"
#include "inspect/ledger/findings/made.h"

namespace strata {

/// What an arena is to hold; all of it is resident, unless it is said to be untouched.
struct MadeArena {
  // Initializers, or a test that names some members is warned of the others.
  // NOLINTBEGIN(readability-redundant-member-init)
  Bytes live{};
  Bytes releasable{};  ///< binned
  Bytes pinned{};      ///< binned
  Bytes untouched{};   ///< binned, not resident
  Bytes top{};         ///< of the main arena it counts as releasable
  Bytes cached{};
  std::vector<pid_t> threads{};
  // NOLINTEND(readability-redundant-member-init)
};

/// Chunks as they lie in memory, from one address on.
class MadeChunks {
 public:
  explicit MadeChunks(Address from) : at_(from) {}
  glibc::Chunk of(glibc::ChunkState state, Bytes size) {
    const glibc::Chunk chunk{range_of(at_, size), state};
    at_ = chunk.range.end;
    return chunk;
  }
  Address end() const { return at_; }

 private:
  Address at_;
};

/// Adds a glibc with these arenas, the main one first, to `e`: accounts as its walk would have
/// booked them, and one chunk for each kind that an arena has.
inline glibc::Contents& add_glibc(MadeExplanation& e, const std::vector<MadeArena>& arenas) {
  using glibc::ChunkState;
  glibc::Heap heap;
  heap.parameters.emplace();
  heap.parameters->trim_threshold = heap.parameters->top_pad = 128_KiB;
  heap.parameters->mmap_threshold = 128_KiB;
  heap.parameters->cached_below = 1032_B;
  heap.parameters->cached_each = 7;
  for (std::size_t i = 0; i < arenas.size(); ++i) {
    glibc::Arena arena;
    arena.is_main = i == 0;
    arena.name = arena.is_main ? "main arena" : fmt::format("arena {}", i);
    arena.threads = arenas[i].threads;
    heap.arenas.push_back(arena);
  }
  auto contents = std::make_shared<glibc::Contents>(std::move(heap));
  for (std::size_t i = 0; i < arenas.size(); ++i) {
    const MadeArena& made = arenas[i];
    const std::string name = contents->heap.arenas[i].name;
    const char* const top = i == 0 ? "releasable" : "pinned";
    const auto book = [&](std::vector<std::string> below, Bytes resident, Bytes size = {}) {
      std::vector<std::string> account{"heap", "glibc", name};
      account.insert(account.end(), below.begin(), below.end());
      if (resident + size > 0_B) {
        e.add({.account = std::move(account), .resident = resident, .size = size});
      }
    };
    book({"live"}, made.live);
    book({"free", "releasable"}, made.releasable);
    book({"free", "pinned"}, made.pinned);
    book({"free", "pinned"}, {}, made.untouched);
    book({"top", top}, made.top);
    book({"thread caches"}, made.cached);
    MadeChunks chunks(Address{0x7f0000000000});
    const auto tally = [&](ChunkState state, Bytes size) {
      if (size > 0_B) contents->tally.add(i, chunks.of(state, size), contents->heap);
    };
    tally(ChunkState::kLive, made.live);
    tally(ChunkState::kBinned, made.releasable + made.pinned + made.untouched);
    tally(ChunkState::kCached, made.cached);
    tally(ChunkState::kTop, made.top);
  }
  e->glibc = contents;
  return *contents;
}

}  // namespace strata
