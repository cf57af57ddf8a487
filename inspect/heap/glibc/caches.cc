#include "inspect/heap/glibc/caches.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "inspect/heap/glibc/chunk.h"
#include "inspect/heap/glibc/lists.h"

namespace strata::glibc {
namespace {

constexpr std::size_t kSmallBins = 64;
constexpr std::uint64_t kMostInBin = 65535;  // the counts are of 16 bits
// A thread's variables; V8 and others have a few KiB of them.
constexpr Bytes kMostBlock = 256_KiB;

/// The two shapes that a cache has had, by the size of the chunk it lies in.
struct Shape {
  Bytes chunk;
  std::size_t bins;
  bool counts_down;  ///< the counts are of free places

  Bytes entries() const { return Bytes{bins * 2}; }
  Bytes size() const { return Bytes{bins * 10}; }
};
constexpr Shape kCounts{0x290_B, kSmallBins, false};
constexpr Shape kSlots{0x300_B, 76, true};

/// A cache as its bytes are.
struct Table {
  const Shape* shape;
  std::vector<std::uint16_t> counts;
  std::vector<Address> entries;
};

std::optional<Table> table_at(Peek& peek, const Heap& heap, Address at) {
  if (at.value % 16 != 0 || !heap.can_hold(at - kHeader)) return std::nullopt;
  const auto size = peek.word(at - 8_B);
  if (!size) return std::nullopt;
  const Bytes chunk{*size & ~kFlagBits};
  const Shape* const shape = chunk == kCounts.chunk  ? &kCounts
                             : chunk == kSlots.chunk ? &kSlots
                                                     : nullptr;
  if (shape == nullptr) return std::nullopt;
  Table table{shape, {}, {}};
  for (std::size_t i = 0; i < shape->bins; ++i) {
    const auto count = peek.value<std::uint16_t>(at + Bytes{i * 2});
    const auto entry = peek.word(at + shape->entries() + Bytes{i * 8});
    if (!count || !entry) return std::nullopt;
    table.counts.push_back(*count);
    table.entries.push_back(Address{*entry});
  }
  return table;
}

/// Whether a chunk of `size` belongs into `bin`.
bool belongs(std::size_t bin, Bytes size) {
  if (bin < kSmallBins) return size == kSmallestChunk + Bytes{bin * 16};
  // Larger ones by powers of two, from 1 KiB on.
  const Bytes largest_small = kSmallestChunk + Bytes{(kSmallBins - 1) * 16};
  const std::uint64_t from = std::uint64_t{1024} << (bin - kSmallBins);
  return size > largest_small && size.value >= from && size.value < from * 2;
}

/// Whether each entry leads to a chunk of the size that it is for; how many there are.
std::optional<std::size_t> sound_entries(Peek& peek, const Heap& heap, const Table& table) {
  std::size_t entries = 0;
  std::size_t odd = 0;  // a thread that was stopped at work may have one
  for (std::size_t i = 0; i < table.entries.size(); ++i) {
    const Address entry = table.entries[i];
    if (entry.value == 0) continue;
    ++entries;
    const auto size = heap.can_hold(entry - kHeader) ? peek.word(entry - 8_B) : std::nullopt;
    if (!size || !belongs(i, Bytes{*size & ~kFlagBits})) ++odd;
    if (!table.shape->counts_down && table.counts[i] == 0) ++odd;
  }
  if (odd > 1 || (odd == 1 && entries < 3)) return std::nullopt;
  return entries;
}

class Caches {
 public:
  Caches(Peek& peek, const Space& space, Heap& heap) : peek_(peek), space_(space), heap_(heap) {}

  void find() {
    for (const Stack& stack : space_.stacks) {
      if (!stack.thread_block) continue;
      look_into(stack);
    }
    std::vector<Address> heads = fast_heads(peek_, heap_);
    for (const auto& [cache, table] : found_) {
      for (const Address entry : table.entries) {
        if (entry.value != 0) heads.push_back(entry);
      }
    }
    heap_.linking = deduce_linking(peek_, heads);
    for (auto& [cache, table] : found_) {
      for (std::size_t i = 0; i < table.entries.size(); ++i) follow_bin(cache, table, i);
      heap_.caches.push_back(cache);
    }
  }

 private:
  void look_into(const Stack& stack) {
    const Range block = *stack.thread_block;
    if (block.size() > kMostBlock) return;
    std::vector<std::uint64_t> words(block.size() / 8_B);
    if (!peek_.read_words(block.start, words)) return;
    std::optional<ThreadCache> best;
    Table best_table;
    std::size_t most = 0;
    for (const std::uint64_t word : words) {
      note_arena(Address{word}, stack.tid);
      auto table = table_at(peek_, heap_, Address{word});
      if (!table) continue;
      const auto entries = sound_entries(peek_, heap_, *table);
      if (!entries || (best && *entries <= most)) continue;
      best = ThreadCache{Address{word}, stack.tid, {}};
      best_table = std::move(*table);
      most = *entries;
    }
    if (!best || !seen_.insert(best->at).second) {
      heap_.without_cache.push_back(stack.tid);
      return;
    }
    found_.emplace_back(*best, std::move(best_table));
  }

  void note_arena(Address word, pid_t tid) {
    for (Arena& arena : heap_.arenas) {
      if (arena.state == word) arena.threads.push_back(tid);
    }
  }

  void follow_bin(ThreadCache& cache, const Table& table, std::size_t bin) {
    Address entry = table.entries[bin];
    Address field = cache.at + table.shape->entries() + Bytes{bin * 8};
    std::uint64_t count = 0;
    const auto damaged = [&](std::string what, const char* cause) {
      heap_.report({field,
                    fmt::format("cache of thread {}, bin {}: {}", cache.tid, bin, std::move(what)),
                    cause});
    };
    for (; entry.value != 0 && count < kMostInBin; ++count) {
      const Address chunk = entry - kHeader;
      if (!heap_.can_hold(chunk)) {
        return damaged(fmt::format("a link leads to {:#x}, outside of the heap", entry.value),
                       "a block was written to after it was freed");
      }
      const auto size = peek_.word(chunk + 8_B);
      const auto next = peek_.word(entry);
      if (!size || !next) return;
      const Bytes bytes{*size & ~kFlagBits};
      if (!belongs(bin, bytes)) {
        return damaged(fmt::format("the chunk at {:#x} has {} bytes", chunk.value, bytes.value),
                       "the block before it was written beyond its end");
      }
      if (!heap_.cached.insert(chunk)) {
        return damaged(fmt::format("the chunk at {:#x} stands in the caches twice", chunk.value),
                       "it was freed twice");
      }
      ++cache.all.chunks;
      cache.all.bytes += bytes;
      field = entry;
      entry = follow(heap_.linking, entry, *next);
    }
    if (!table.shape->counts_down && count != table.counts[bin]) {
      field = cache.at + Bytes{bin * 2};
      damaged(fmt::format("it counts {} chunks and leads to {}", table.counts[bin], count),
              "the thread was at work in it, or the cache was written over");
    }
  }

  Peek& peek_;
  const Space& space_;
  Heap& heap_;
  std::vector<std::pair<ThreadCache, Table>> found_;
  std::set<Address> seen_;
};

}  // namespace

void find_caches(Peek& peek, const Space& space, Heap& heap) { Caches(peek, space, heap).find(); }

}  // namespace strata::glibc
