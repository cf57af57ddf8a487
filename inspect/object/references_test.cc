#include "inspect/object/references.h"

#include <gtest/gtest.h>

#include "inspect/object/made_blocks.h"

namespace strata {
namespace {

/// A heap with a word at each place, most of them leading somewhere near.
struct Memory {
  MadeHeap made;
  std::map<Address, std::uint64_t> words;

  static Memory random(Random& random, Sizes sizes) {
    Memory memory{made_heap(random, 1 + below(random, 4), 100, sizes), {}};
    const std::vector<Range> all = memory.made.surroundings();
    const auto fill = [&](Range range) {
      for (Address at = range.start; at < range.end; at = at + 8_B) {
        if (one_in(random, 3)) continue;
        const Range& to = all[below(random, all.size())];
        std::uint64_t word = to.start.value + below(random, to.size().value);
        if (!one_in(random, 8)) word &= ~std::uint64_t{7};
        if (one_in(random, 5)) word = at.value + below(random, 128) - 64;  // itself, a neighbour
        if (one_in(random, 20)) word = random();
        memory.words[at] = word;
      }
    };
    for (const Range& ground : memory.made.ground.shared) fill(ground);
    for (const Range& chunk : memory.made.ground.apart) fill(chunk);
    return memory;
  }

  std::vector<std::uint64_t> copy(Range range) const {
    std::vector<std::uint64_t> got;
    for (Address at = range.start; at < range.end; at = at + 8_B) {
      const auto word = words.find(at);
      got.push_back(word == words.end() ? 0 : word->second);
    }
    return got;
  }
};

using Seen = std::vector<std::pair<Address, bool>>;  // users' addresses, exact or not

Seen wanted(const Memory& memory, const Written& block, const std::vector<Range>& absent) {
  Seen seen;
  const Range range = block.is_apart ? block.chunk : block.user;
  for (auto at = memory.words.lower_bound(range.start);
       at != memory.words.end() && at->first < range.end; ++at) {
    const bool is_absent =
        std::any_of(absent.begin(), absent.end(), [&](Range r) { return r.contains(at->first); });
    const Written* const to = memory.made.find(Address{at->second});
    if (is_absent || to == nullptr || to->chunk == block.chunk) continue;
    seen.emplace_back(to->user.start, to->user.start.value == at->second);
  }
  return seen;
}

Seen seen(const BlockMap& map, const References& references, BlockNumber block) {
  Seen all;
  references.of(
      block, [&](BlockMap::Found found) { all.emplace_back(map.user(found.block), found.exact); });
  return all;
}

/// Adds all of `range` in windows of `most` words; some of them never, told in `absent`.
void add_in_windows(Random& random, const Memory& memory, Range range, std::uint64_t most,
                    std::vector<Range>& absent, References& references) {
  for (Address at = range.start; at < range.end;) {
    const Bytes size = std::min(8_B * (1 + below(random, most)), range.end - at);
    const Range window = range_of(at, size);
    at = window.end;
    if (one_in(random, 10)) {
      absent.push_back(window);
    } else {
      add_words(references, window.start, memory.copy(window));
    }
  }
}

void expect_all_as_modelled(Random& random, const Memory& memory, std::uint64_t most_words) {
  // As when a heap is walked: words are seen before the blocks that they stand in, and lead to.
  auto map = BlockMap::make(memory.made.ground);
  References references(*map);
  std::vector<Range> absent;
  for (const Range& ground : memory.made.ground.shared) {
    add_in_windows(random, memory, ground, most_words, absent, references);
  }
  for (const Chunk& chunk : memory.made.chunks) map->add(chunk.range.start, chunk.use);
  for (std::size_t i = 0; i < map->apart().size(); ++i) {
    if (one_in(random, 4)) {
      absent.push_back(map->apart()[i]);
    } else {
      const std::vector<std::uint64_t> words = memory.copy(map->apart()[i]);
      const std::size_t half = below(random, words.size());
      add_apart_words(references, i, std::span(words).first(half));
      add_apart_words(references, i, std::span(words).subspan(half));
    }
  }
  references.resolve();
  map->each_live([&](BlockNumber block) {
    const Written& written = memory.made.written.at(map->user(block));
    ASSERT_EQ(seen(*map, references, block), wanted(memory, written, absent))
        << std::hex << written.chunk.start.value;
  });
}

class ReferencesOf : public testing::TestWithParam<int> {};

TEST_P(ReferencesOf, BlocksInWindowsOfAnySizeAreThoseOfTheModel) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  for (const std::uint64_t most_words : {1, 2, 3, 64, 600, 100'000}) {
    const Memory memory = Memory::random(random, {1 + below(random, 60)});
    ASSERT_NO_FATAL_FAILURE(expect_all_as_modelled(random, memory, most_words)) << most_words;
  }
}

TEST_P(ReferencesOf, BlocksOverSeveralPagesAreThoseOfTheModel) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  const Memory memory = Memory::random(random, {.most_granules = 1000});
  ASSERT_NO_FATAL_FAILURE(expect_all_as_modelled(random, memory, 5000));
}

INSTANTIATE_TEST_SUITE_P(Seed, ReferencesOf, testing::Range(1, 9));

// Numbers of granules are 256 to the page, counted from where the region begins.
constexpr Address kStart{0x5555'0000'0000};

TEST(References, AWordInTheNextPagesFirstGranuleIsTheBlocksBefore) {
  MadeHeap made;
  made.add_region({{range_of(kStart, 4_KiB), kLive},
                   {range_of(kStart + 4_KiB, 64_B), kLive},
                   {range_of(kStart + 4_KiB + 64_B, 64_B), kNotLive}});
  const BlockMap map = made.map();
  References references(map);
  const Address second = kStart + 4_KiB + 16_B;
  add_words(references, kStart + 4_KiB,
            std::vector<std::uint64_t>{second.value, 0x41, (kStart + 16_B).value});
  references.resolve();
  const BlockNumber first = map.number_of(kStart);
  EXPECT_EQ(seen(map, references, first), (Seen{{second, true}}));
  EXPECT_EQ(seen(map, references, map.end(first)), (Seen{{kStart + 16_B, true}}));
}

TEST(References, ASizeThatLooksLikeAPointerHoldsNothing) {
  MadeHeap made;
  made.add_region({{range_of(kStart, 64_B), kLive},
                   {range_of(kStart + 64_B, 64_B), kLive},
                   {range_of(kStart + 128_B, 64_B), kNotLive}});
  BlockMap map = made.map();
  References references(map);
  std::vector<std::uint64_t> words(24);
  words[1] = (kStart + 80_B).value;  // the first one's size
  words[9] = (kStart + 16_B).value;  // the second one's
  add_words(references, kStart, words);
  references.resolve();
  map.each_live([&](BlockNumber block) { EXPECT_TRUE(seen(map, references, block).empty()); });
}

TEST(References, WordsOutsideOfAllRegionsAreNobodys) {
  MadeHeap made;
  made.add_region({{range_of(kStart, 64_B), kLive}, {range_of(kStart + 64_B, 64_B), kNotLive}});
  const BlockMap map = made.map();
  References references(map);
  add_words(references, kStart - 4_KiB, std::vector<std::uint64_t>(8, (kStart + 16_B).value));
  references.resolve();
  EXPECT_TRUE(seen(map, references, map.number_of(kStart)).empty());
}

}  // namespace
}  // namespace strata
