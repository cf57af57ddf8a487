#include "inspect/heap/glibc/caches.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>
#include <utility>

#include "inspect/heap/glibc/chunk.h"
#include "inspect/heap/glibc/linking.h"

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

constexpr const char* kUseAfterFree = "a block was written to after it was freed";

Bytes smallest_in(std::size_t bin) {
  if (bin < kSmallBins) return kSmallestChunk + Bytes{bin * 16};
  return bin == kSmallBins ? kSmallestChunk + Bytes{kSmallBins * 16}
                           : Bytes{std::uint64_t{1024} << (bin - kSmallBins)};
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
    std::vector<Address> heads = fast_heads();
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
    check_marks();
  }

 private:
  /// The first entries of each arena's fast bins, as user addresses.
  std::vector<Address> fast_heads() const {
    std::vector<Address> heads;
    for (const Arena& arena : heap_.arenas) {
      for (const Address head : arena.fast_bins) {
        if (head.value != 0 && heap_.can_hold(head)) heads.push_back(head + kHeader);
      }
    }
    return heads;
  }

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
    const auto damaged = [&](Address chunk, std::string what, const char* cause) {
      heap_.report(cache, {field,
                           fmt::format("cache of thread {}, list of {} bytes: {}", cache.tid,
                                       smallest_in(bin).value, std::move(what)),
                           cause,
                           chunk,
                           {}});
    };
    // What holds the link that is followed: a block, or from the cache itself none.
    Address from;
    for (; entry.value != 0 && count < kMostInBin; ++count) {
      const Address chunk = entry - kHeader;
      if (!heap_.can_hold(chunk)) {
        return damaged(from,
                       fmt::format("behind {} chunks a link leads to {:#x}, outside of the heap",
                                   count, entry.value),
                       kUseAfterFree);
      }
      const auto size = peek_.word(chunk + 8_B);
      const auto next = peek_.word(entry);
      if (!size || !next) return;
      const Bytes bytes{*size & ~kFlagBits};
      if (heap_.cached.contains(chunk)) {
        return damaged(chunk,
                       fmt::format("behind {} chunks it leads to the block at {:#x} (chunk {:#x}), "
                                   "which stands in the caches already",
                                   count, entry.value, chunk.value),
                       "that block was freed twice, or the link was written after it was freed");
      }
      if (!belongs(bin, bytes)) {
        field = chunk + 8_B;
        return damaged(chunk,
                       fmt::format("the block at {:#x} (chunk {:#x}) has {} bytes", entry.value,
                                   chunk.value, bytes.value),
                       "the block before it was written beyond its end, or the link that leads to "
                       "it after it was freed");
      }
      heap_.cached.insert(chunk);
      note_mark(entry);
      ++cache.all.chunks;
      cache.all.bytes += bytes;
      field = entry;
      from = chunk;
      entry = follow(heap_.linking, entry, *next);
    }
    check_count(cache, table, bin, count);
  }

  /// What the cache itself counts: chunks, or from 2.42 on places that are left.
  void check_count(const ThreadCache& cache, const Table& table, std::size_t bin,
                   std::uint64_t count) {
    const std::uint64_t said = table.counts[bin];
    std::uint64_t expected = count;
    if (table.shape->counts_down) {
      if (!heap_.parameters || heap_.parameters->cached_each < count) return;
      expected = heap_.parameters->cached_each - count;
    }
    if (said == expected) return;
    heap_.report(cache, {cache.at + Bytes{bin * 2},
                         fmt::format("cache of thread {}, list of {} bytes: it counts {} {} and "
                                     "leads to {} chunks",
                                     cache.tid, smallest_in(bin).value, said,
                                     table.shape->counts_down ? "free places" : "chunks", count),
                         "the cache was written over",
                         cache.at - kHeader,
                         {}});
  }

  /// Since 2.29 every cached chunk bears a mark behind its link, since 2.34 all the same one.
  void note_mark(Address entry) {
    const auto mark = peek_.word(entry + 8_B);
    if (mark && marks_.size() < kMostMarks) {
      marks_.push_back({entry, *mark, static_cast<std::uint32_t>(heap_.caches.size())});
    }
  }

  void check_marks() {
    const auto is_own = [&](const Mark& mark) {
      return mark.word == heap_.caches[mark.cache].at.value;
    };
    std::unordered_map<std::uint64_t, std::size_t> alike;
    std::size_t own = 0;
    for (const Mark& mark : marks_) {
      own += is_own(mark);
      ++alike[mark.word];
    }
    const auto most =
        std::max_element(alike.begin(), alike.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == alike.end()) return;
    // Where each is of its own, none is known to be the right one.
    const bool by_cache = own > most->second || own * 2 > marks_.size();
    if (!by_cache && (most->second < 2 || most->second * 2 <= marks_.size())) return;
    for (const Mark& mark : marks_) {
      if (by_cache ? is_own(mark) : mark.word == most->first) continue;
      const ThreadCache& cache = heap_.caches[mark.cache];
      heap_.report(cache, {mark.entry + 8_B,
                           fmt::format("cache of thread {}: the block at {:#x} bears {:#x} where "
                                       "each cached one bears a mark",
                                       cache.tid, mark.entry.value, mark.word),
                           kUseAfterFree,
                           mark.entry - kHeader,
                           {}});
    }
  }

  struct Mark {
    Address entry;
    std::uint64_t word;
    std::uint32_t cache;  // in heap_.caches
  };
  static constexpr std::size_t kMostMarks = 1 << 20;

  Peek& peek_;
  const Space& space_;
  Heap& heap_;
  std::vector<std::pair<ThreadCache, Table>> found_;
  std::set<Address> seen_;
  std::vector<Mark> marks_;
};

}  // namespace

void find_caches(Peek& peek, const Space& space, Heap& heap) { Caches(peek, space, heap).find(); }

}  // namespace strata::glibc
