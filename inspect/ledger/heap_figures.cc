#include "inspect/ledger/heap_figures.h"

#include "inspect/ledger/heap_accounts.h"

namespace strata {
namespace {

using glibc::ChunkState;

/// Requests are rounded up to 16 bytes less a header, and to the smallest chunk.
Bytes rounding_of(Bytes chunk) { return chunk <= glibc::kSmallestChunk ? 24_B : 15_B; }

FreeFigures free_figures(const HeapAccounts& accounts, std::string_view arena, const char* account,
                         glibc::ListCount count) {
  return {count.chunks, count.bytes, accounts.resident({arena, account}),
          accounts.resident({arena, account, "releasable"})};
}

ArenaFigures arena_figures(const HeapAccounts& accounts, const glibc::Contents& contents,
                           std::size_t index) {
  const glibc::Arena& arena = contents.heap.arenas[index];
  const glibc::ArenaTally& tally = contents.tally.arena(index);
  ArenaFigures f;
  f.name = arena.name;
  f.is_main = arena.is_main;
  f.index = index;
  f.system = arena.system_mem;
  f.reserved = accounts.virtual_size({arena.name, "reserved"});
  f.resident = accounts.resident({arena.name});
  f.live_chunks = tally.of(ChunkState::kLive).chunks;
  f.live_bytes = tally.of(ChunkState::kLive).bytes;
  f.live_resident = accounts.resident({arena.name, "live"});
  f.cached = free_figures(accounts, arena.name, "thread caches", tally.of(ChunkState::kCached));
  f.fast = free_figures(accounts, arena.name, "fast bins", tally.of(ChunkState::kFast));
  f.binned = free_figures(accounts, arena.name, "free", tally.of(ChunkState::kBinned));
  f.top = free_figures(accounts, arena.name, "top", tally.of(ChunkState::kTop));
  f.structures = accounts.virtual_size({arena.name, "structures"});
  f.lost = tally.of(ChunkState::kLost).bytes;
  return f;
}

}  // namespace

FreeFigures& FreeFigures::operator+=(const FreeFigures& other) {
  chunks += other.chunks;
  bytes += other.bytes;
  resident += other.resident;
  releasable += other.releasable;
  return *this;
}

FreeFigures ArenaFigures::free() const {
  FreeFigures all = fast;
  all += binned;
  all += top;
  return all;
}

ArenaFigures& ArenaFigures::operator+=(const ArenaFigures& other) {
  system += other.system;
  reserved += other.reserved;
  resident += other.resident;
  live_chunks += other.live_chunks;
  live_bytes += other.live_bytes;
  live_resident += other.live_resident;
  cached += other.cached;
  fast += other.fast;
  binned += other.binned;
  top += other.top;
  structures += other.structures;
  lost += other.lost;
  return *this;
}

HeapFigures heap_figures(const Explanation& explanation) {
  const HeapAccounts accounts(explanation, "glibc");
  const glibc::Contents& contents = *explanation.glibc;
  HeapFigures figures;
  figures.all.name = "all";
  for (std::size_t i = 0; i < contents.heap.arenas.size(); ++i) {
    figures.arenas.push_back(arena_figures(accounts, contents, i));
    figures.all += figures.arenas.back();
  }
  for (const auto& [size, states] : contents.tally.sizes()) {
    const std::uint64_t live = states[static_cast<std::size_t>(ChunkState::kLive)];
    figures.all.rounding_at_most += rounding_of(size) * live;
  }
  figures.mmapped_chunks = contents.heap.mmapped.chunks.size();
  for (const Range& chunk : contents.heap.mmapped.chunks) figures.mmapped_bytes += chunk.size();
  figures.mmapped_resident = accounts.resident({"mmapped chunks"});
  return figures;
}

}  // namespace strata
