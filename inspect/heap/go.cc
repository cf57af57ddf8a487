// Books the Go runtime's memory: the arenas that its index names, and what else the runtime maps,
// recognised by static pointers of its own module and by shapes that close.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "inspect/heap/go_index.h"
#include "inspect/heap/go_layout.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/peek.h"

namespace strata {
namespace {

// 16 GiB of persistent chunks. Each link takes a page of what may be read to see, so all lists
// together have at most 16,384, of some 200 bytes each in what is kept of them.
constexpr std::size_t kMostLinks = 1 << 16;

class GoSurvey {
 public:
  GoSurvey(const HeapScene& scene, const Module& module)
      : scene_(scene), module_(module), peek_(scene) {}

  HeapSurvey run();

 private:
  void claim_arenas(const GoIndex& index);
  void claim_summaries();
  void claim_chunk_tables(const StaticWords& words, std::size_t from);
  void claim_scavenge_index(const StaticWords& words, std::size_t from);
  void claim_lists();
  std::set<Range> read_persistent_chunks(Address head);
  enum class Blocks { kUsed, kFreshToo };
  bool claim_bits_arenas(Address head, Blocks blocks);
  void claim_tables(const StaticWords& words, std::size_t at);
  void claim_metadata(Range range, std::string_view why);

  bool is_free(Range range) const;
  bool is_arena_address(std::uint64_t address) const;
  bool is_persistent(std::uint64_t address) const;

  const HeapScene& scene_;
  const Module& module_;
  Peek peek_;
  std::vector<StaticWords> statics_;
  std::vector<GoArena> arenas_;
  std::set<Range> taken_;       // what is claimed as metadata, disjoint
  std::set<Range> persistent_;  // of it, the persistent chunks
  std::set<Range> bits_;        // and the blocks of mark bits
  HeapSurvey survey_;
};

bool overlaps_any(const std::set<Range>& ranges, Range range) {
  auto after = ranges.lower_bound({range.end, range.end});
  return after != ranges.begin() && (--after)->end > range.start;
}

bool GoSurvey::is_free(Range range) const { return !overlaps_any(taken_, range); }
bool GoSurvey::is_persistent(std::uint64_t address) const {
  return overlaps_any(persistent_, range_of(Address{address}, 1_B));
}
bool GoSurvey::is_arena_address(std::uint64_t address) const {
  return std::any_of(arenas_.begin(), arenas_.end(),
                     [&](const GoArena& arena) { return arena.range.contains(Address{address}); });
}

void GoSurvey::claim_metadata(Range range, std::string_view why) {
  range.end = round_up(range.end, page_size());
  if (!is_anonymous(scene_.space, range) || !is_free(range)) return;
  taken_.insert(range);
  survey_.claims.push_back({range, scene_.chart.open({"heap", "Go", "metadata"}),
                            scene_.chart.because(fmt::format("{} in {}", why, module_.name)),
                            Rank::kHeap});
}

void GoSurvey::claim_arenas(const GoIndex& index) {
  claim_metadata(range_of(index.start, Bytes{kGoArenaIndexSize * 8}), "the index of Go's arenas");
  const AccountId account = scene_.chart.open({"heap", "Go", "arenas"});
  const EvidenceId evidence = scene_.chart.because(fmt::format(
      "an entry of the arena index at {:#x}; the arena's spans lie in it", index.start.value));
  for (const GoArena& arena : index.arenas) {
    for (Address at = arena.range.start; at < arena.range.end;) {
      const Mapping* const mapping = scene_.space.find_mapping(at);
      if (mapping == nullptr || mapping->has_file()) break;
      const Range part = intersection(arena.range, {at, mapping->range.end});
      survey_.claims.push_back(
          {part, account, evidence, mapping->writable ? Rank::kHeap : Rank::kRuntimeRegion});
      at = part.end;
    }
    claim_metadata(range_of(arena.heap_arena,
                            *arena.spans_offset + Bytes{kGoPagesPerArena * 8} + kGoAfterSpans),
                   "a heap arena's spans and bitmaps");
  }
}

void GoSurvey::claim_summaries() {
  constexpr std::size_t kLevels = std::size(kGoSummaryCapacities);
  for (const StaticWords& words : statics_) {
    if (words.words.size() < 3 * kLevels) continue;
    for (std::size_t i = 0; i + 3 * kLevels <= words.words.size(); ++i) {
      bool all = true;
      for (std::size_t level = 0; all && level < kLevels; ++level) {
        all = words.words[i + 3 * level + 2] == kGoSummaryCapacities[level] &&
              words.words[i + 3 * level + 1] <= kGoSummaryCapacities[level] &&
              words.words[i + 3 * level] % page_size().value == 0;
      }
      if (!all) continue;
      for (std::size_t level = 0; level < kLevels; ++level) {
        claim_metadata(
            range_of(Address{words.words[i + 3 * level]}, Bytes{kGoSummaryCapacities[level] * 8}),
            "a level of Go's summary of free pages");
      }
      claim_chunk_tables(words, i + 3 * kLevels);
      return;
    }
  }
}

void GoSurvey::claim_chunk_tables(const StaticWords& words, std::size_t from) {
  const std::size_t end = std::min(words.words.size(), from + kGoChunkTables);
  for (std::size_t i = from; i < end; ++i) {
    const Address table{words.words[i]};
    if (table.value == 0 || table.value % page_size().value != 0) continue;
    claim_metadata(range_of(table, kGoChunkTable), "a table of Go's page bits");
  }
  claim_scavenge_index(words, end);
}

/// In the rest of the page allocator, which ends well within 512 words.
void GoSurvey::claim_scavenge_index(const StaticWords& words, std::size_t from) {
  const std::size_t end = std::min(words.words.size(), from + 512);
  for (std::size_t i = from; i + 3 <= end; ++i) {
    const Address start{words.words[i]};
    const std::uint64_t capacity = words.words[i + 2];
    if (start.value == 0 || start.value % page_size().value != 0) continue;
    if (words.words[i + 1] > capacity) continue;
    if (capacity == kGoScavengeBits) {
      claim_metadata(range_of(start, Bytes{capacity}), "the scavenger's index");
    } else if (capacity == kGoScavengeWords) {
      claim_metadata(range_of(start, Bytes{capacity * 8}), "the scavenger's index");
    }
  }
}

/// The chain from `head`; empty where it does not end, or holds no span that an arena names.
std::set<Range> GoSurvey::read_persistent_chunks(Address head) {
  std::set<Range> chunks;
  for (Address at = head; at.value != 0;) {
    const Range chunk = range_of(at, kGoPersistentChunk);
    if (at.value % page_size().value != 0 || chunks.size() >= kMostLinks) return {};
    if (!is_anonymous(scene_.space, chunk) || !is_free(chunk)) return {};
    if (overlaps_any(chunks, chunk)) return {};
    const auto next = peek_.word(at);
    if (!next) return {};
    chunks.insert(chunk);
    at = Address{*next};
  }
  const bool holds_span = std::any_of(arenas_.begin(), arenas_.end(), [&](const GoArena& arena) {
    std::array<std::uint64_t, 512> spans;
    return peek_.read_words(arena.heap_arena + *arena.spans_offset, spans) &&
           std::any_of(spans.begin(), spans.end(), [&](std::uint64_t span) {
             return span != 0 && overlaps_any(chunks, range_of(Address{span}, 1_B));
           });
  });
  return holds_span ? chunks : std::set<Range>{};
}

/// Whether the list from `head` on is one of blocks of mark bits.
bool GoSurvey::claim_bits_arenas(Address head, Blocks which) {
  std::set<Range> blocks;
  for (Address at = head; at.value != 0;) {
    const Range block = range_of(at, kGoBitsArena);
    if (bits_.contains(block)) break;  // the rest is known from another head
    if (at.value % page_size().value != 0 || blocks.size() >= kMostLinks) return false;
    if (!is_anonymous(scene_.space, block) || !is_free(block)) return false;
    if (overlaps_any(blocks, block)) return false;
    const auto used = peek_.word(at);
    const auto next = peek_.word(at + 8_B);
    // `used` counts bytes after the two words; a fresh block has none, as all memory that is zero.
    if (!used || !next || (*used == 0 && which == Blocks::kUsed) ||
        *used > kGoBitsArena.value - 16 || *used % 8 != 0) {
      return false;
    }
    blocks.insert(block);
    at = Address{*next};
  }
  for (const Range& block : blocks) claim_metadata(block, "a list of Go's mark bits");
  const bool any = !blocks.empty();
  bits_.merge(blocks);
  return any;
}

/// A slice of all spans, and profiling's table of call sites.
void GoSurvey::claim_tables(const StaticWords& words, std::size_t at) {
  const Address start{words.words[at]};
  if (at + 3 <= words.words.size()) {
    const std::uint64_t length = words.words[at + 1];
    const std::uint64_t capacity = words.words[at + 2];
    if (length > 0 && length <= capacity && capacity >= 8192 && capacity <= (1u << 28)) {
      const auto first = peek_.word(start);
      const auto last = peek_.word(start + Bytes{(length - 1) * 8});
      if (first && last && is_persistent(*first) && is_persistent(*last)) {
        claim_metadata(range_of(start, Bytes{capacity * 8}), "the list of Go's spans");
        return;
      }
    }
  }
  const Range table = range_of(start, kGoSiteTable);
  if (!is_anonymous(scene_.space, table) || !is_free(table)) return;
  std::vector<std::uint64_t> entries(kGoSiteTable / 8_B);
  if (!peek_.read_words(start, entries)) return;
  std::size_t used = 0;
  for (const std::uint64_t entry : entries) {
    if (entry == 0) continue;
    if (!is_persistent(entry)) return;
    ++used;
  }
  if (used > 0) claim_metadata(table, "the table of profiled call sites");
}

void GoSurvey::claim_lists() {
  const auto for_each_outside = [&](auto&& use) {
    for (const StaticWords& words : statics_) {
      for (std::size_t i = 0; i < words.words.size(); ++i) {
        const std::uint64_t pointer = words.words[i];
        if (pointer == 0 || pointer % page_size().value != 0 || is_arena_address(pointer)) continue;
        if (!is_free(range_of(Address{pointer}, 1_B))) continue;
        if (find_writable_anonymous(scene_.space, Address{pointer}) == nullptr) continue;
        use(words, i);
      }
    }
  };
  // The chunks in use are pointed to as well, and are tails of the list: the longest is the list.
  for_each_outside([&](const StaticWords& words, std::size_t i) {
    std::set<Range> chunks = read_persistent_chunks(Address{words.words[i]});
    if (chunks.size() > persistent_.size()) persistent_ = std::move(chunks);
  });
  for (const Range& chunk : persistent_) {
    claim_metadata(chunk, "the list of what Go allocates for good");
  }
  if (persistent_.empty()) {
    survey_.notes.push_back("the list of what Go allocates for good was not found");
    return;
  }
  // The heads of the lists stand side by side. A thread that came too late to use a block puts it
  // on the list of free ones as fresh as it is.
  constexpr Bytes kHeads{4 * 8};
  std::set<Address> heads;
  for_each_outside([&](const StaticWords& words, std::size_t i) {
    const Address head{words.words[i]};
    if (claim_bits_arenas(head, Blocks::kUsed)) heads.insert(words.address(i));
  });
  for_each_outside([&](const StaticWords& words, std::size_t i) {
    const auto near = heads.lower_bound(words.address(i) - kHeads);
    if (near == heads.end() || *near > words.address(i) + kHeads) return;
    claim_bits_arenas(Address{words.words[i]}, Blocks::kFreshToo);
  });
  for_each_outside([&](const StaticWords& words, std::size_t i) { claim_tables(words, i); });
}

HeapSurvey GoSurvey::run() {
  statics_ = read_static_words(peek_, module_);
  if (const auto index = find_go_index(scene_, peek_, statics_)) {
    arenas_ = index->arenas;
    claim_arenas(*index);
    claim_summaries();
    claim_lists();
  } else {
    survey_.notes.push_back(
        fmt::format("{} holds a Go runtime, and no index of its arenas was found", module_.name));
  }
  if (peek_.exhausted()) {
    survey_.notes.push_back("reading Go's structures stopped at a limit of 64 MiB");
  }
  survey_.bytes_read = peek_.bytes_read();
  return std::move(survey_);
}

}  // namespace

HeapSurvey survey_go(const HeapScene& scene) {
  HeapSurvey all;
  for (const Module& module : scene.space.modules) {
    Peek peek(scene);
    if (!holds_go_runtime(peek, module)) continue;
    HeapSurvey one = GoSurvey(scene, module).run();
    all.claims.insert(all.claims.end(), one.claims.begin(), one.claims.end());
    all.notes.insert(all.notes.end(), one.notes.begin(), one.notes.end());
    all.bytes_read += one.bytes_read;
  }
  return all;
}

}  // namespace strata
