#include "inspect/object/reach.h"

#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "inspect/object/made_blocks.h"

namespace strata {
namespace {

/// Blocks that lead to each other, by their place in `written`.
struct Edge {
  std::size_t to;
  bool exact;
};
using Edges = std::vector<std::vector<Edge>>;

/// A heap whose blocks hold what a graph says, and how both name a block.
struct Graph {
  MadeHeap made;
  Edges edges;
  std::vector<Written> blocks;  // arenas' and mapped ones, by address

  explicit Graph(MadeHeap heap) : made(std::move(heap)) {
    for (const auto& [user, block] : made.written) blocks.push_back(block);
    edges.resize(blocks.size());
  }
  std::size_t size() const { return blocks.size(); }
  /// As many edges as there is room for words.
  std::size_t room(std::size_t block) const {
    const Range r = blocks[block].is_apart ? Range{blocks[block].user.start, blocks[block].user.end}
                                           : blocks[block].user;
    return static_cast<std::size_t>(r.size() / 8_B);
  }
  void link(std::size_t from, std::size_t to, bool exact = true) {
    if (edges[from].size() < room(from)) edges[from].push_back({to, exact});
  }

  std::vector<std::uint64_t> words_of(Range range) const {
    std::vector<std::uint64_t> words(static_cast<std::size_t>(range.size() / 8_B));
    for (std::size_t b = 0; b < size(); ++b) {
      for (std::size_t i = 0; i < edges[b].size(); ++i) {
        const Address at = blocks[b].user.start + Bytes{8 * i};
        if (!range.contains(at)) continue;
        const Edge& edge = edges[b][i];
        words[static_cast<std::size_t>((at - range.start) / 8_B)] =
            blocks[edge.to].user.start.value + (edge.exact ? 0 : 8);
      }
    }
    return words;
  }
};

/// What Reach says of a graph.
struct Answer {
  BlockMap map;
  References references;
  Reach reach;
  std::map<Address, std::size_t> names;  // by where users' bytes begin
  std::vector<BlockNumber> numbers;

  explicit Answer(const Graph& graph)
      : map(graph.made.map()), references(map), reach(map, references), numbers(graph.size()) {
    for (const Range& ground : graph.made.ground.shared) {
      add_words(references, ground.start, graph.words_of(ground));
    }
    for (std::size_t i = 0; i < map.apart().size(); ++i) {
      add_apart_words(references, i, graph.words_of(map.apart()[i]));
    }
    references.resolve();
    for (std::size_t b = 0; b < graph.size(); ++b) names[graph.blocks[b].user.start] = b;
    map.each_live([&](BlockNumber block) { numbers[name(block)] = block; });
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  std::size_t name(BlockNumber block) const { return names.at(map.user(block)); }
};

/// Distances from `from`, following edges; -1 where none leads.
std::vector<int> distances(const Edges& edges, const std::vector<std::size_t>& from) {
  std::vector<int> distance(edges.size(), -1);
  std::deque<std::size_t> queue;
  for (const std::size_t root : from) {
    if (distance[root] < 0) queue.push_back(root);
    distance[root] = 0;
  }
  for (; !queue.empty(); queue.pop_front()) {
    for (const Edge& edge : edges[queue.front()]) {
      if (distance[edge.to] >= 0) continue;
      distance[edge.to] = distance[queue.front()] + 1;
      queue.push_back(edge.to);
    }
  }
  return distance;
}

Graph random_graph(Random& random) {
  Graph graph(made_heap(random, 1 + below(random, 3), 40, {12}));
  if (graph.size() == 0) return graph;
  // Sparse ones fall apart into many parts, dense ones are one.
  const std::uint64_t most = 1 + below(random, 3 * graph.size());
  for (std::uint64_t i = below(random, most); i > 0; --i) {
    graph.link(below(random, graph.size()), below(random, graph.size()), one_in(random, 2));
  }
  return graph;
}

struct Root {
  std::size_t block;
  bool exact;
};

std::vector<Root> random_roots(Random& random, const Graph& graph) {
  std::vector<Root> roots;
  if (graph.size() == 0) return roots;
  for (std::uint64_t i = below(random, 4); i > 0; --i) {
    roots.push_back({below(random, graph.size()), one_in(random, 2)});
  }
  return roots;
}

std::vector<int> follow(const Graph& graph, const std::vector<Root>& roots, Answer& answer) {
  std::vector<std::size_t> from;
  for (const Root& root : roots) {
    answer.reach.add_root({answer.numbers[root.block], root.exact});
    from.push_back(root.block);
  }
  answer.reach.follow();
  return distances(graph.edges, from);
}

void expect_reached_as_modelled(const Graph& graph, const std::vector<Root>& roots,
                                const std::vector<int>& distance, const Answer& answer) {
  std::vector<bool> exactly(graph.size());
  for (const Root& root : roots) {
    if (root.exact) exactly[root.block] = true;
  }
  Count live, within;
  for (std::size_t b = 0; b < graph.size(); ++b) {
    EXPECT_EQ(answer.reach.is_reached(answer.numbers[b]), distance[b] >= 0) << b;
    if (distance[b] < 0) continue;
    for (const Edge& edge : graph.edges[b]) {
      if (edge.exact && edge.to != b) exactly[edge.to] = true;
    }
  }
  for (std::size_t b = 0; b < graph.size(); ++b) {
    ++live.blocks;
    live.bytes += graph.blocks[b].chunk.size();
    if (distance[b] < 0 || exactly[b]) continue;
    ++within.blocks;
    within.bytes += graph.blocks[b].chunk.size();
  }
  EXPECT_EQ(answer.reach.live().blocks, live.blocks);
  EXPECT_EQ(answer.reach.live().bytes, live.bytes);
  EXPECT_EQ(answer.reach.reached_from_within().blocks, within.blocks);
  EXPECT_EQ(answer.reach.reached_from_within().bytes, within.bytes);
}

/// The least set of blocks from which every other unreached one is reached: those that no other
/// holds, and of each cycle that no other holds the lowest.
std::map<std::size_t, bool> wanted_leaks(const Graph& graph, const std::vector<int>& distance) {
  std::map<std::size_t, bool> leaks;  // and whether it stands for a cycle
  std::vector<std::vector<int>> from(graph.size());
  for (std::size_t b = 0; b < graph.size(); ++b) {
    if (distance[b] < 0) from[b] = distances(graph.edges, {b});
  }
  for (std::size_t b = 0; b < graph.size(); ++b) {
    if (distance[b] >= 0) continue;
    bool is_cycle = false, stands_for_it = true;
    for (std::size_t other = 0; other < graph.size(); ++other) {
      if (other == b || distance[other] >= 0 || from[other][b] < 0) continue;
      is_cycle = true;
      // Numbers go by address, but for mapped blocks, which come last.
      const auto order = [&](std::size_t x) {
        return std::pair(graph.blocks[x].is_apart, graph.blocks[x].user.start);
      };
      if (from[b][other] < 0 || order(other) < order(b)) stands_for_it = false;
    }
    if (stands_for_it) leaks[b] = is_cycle;
  }
  return leaks;
}

void expect_leaks_as_modelled(const Graph& graph, const std::vector<int>& distance,
                              Answer& answer) {
  Count unreached;
  for (std::size_t b = 0; b < graph.size(); ++b) {
    if (distance[b] >= 0) continue;
    ++unreached.blocks;
    unreached.bytes += graph.blocks[b].chunk.size();
  }
  const Reach::Leaks leaks = answer.reach.find_leaks();
  std::map<std::size_t, bool> direct;
  Count direct_count, indirect_count;
  Address last;
  for (const Leak& leak : leaks.direct) {
    direct[answer.name(leak.block)] = leak.is_cycle;
    ++direct_count.blocks;
    direct_count.bytes += answer.map.chunk(leak.block).size();
    indirect_count.blocks += leak.indirect.blocks;
    indirect_count.bytes += leak.indirect.bytes;
    EXPECT_GT(answer.map.user(leak.block), last) << "by address";
    last = answer.map.user(leak.block);
    // No more than it leads to.
    std::uint64_t most = 0;
    for (const int d : distances(graph.edges, {answer.name(leak.block)})) most += d > 0;
    EXPECT_LE(leak.indirect.blocks, most);
  }
  EXPECT_EQ(direct, wanted_leaks(graph, distance));
  EXPECT_EQ(leaks.direct_count.blocks, direct_count.blocks);
  EXPECT_EQ(leaks.direct_count.bytes, direct_count.bytes);
  EXPECT_EQ(leaks.indirect_count.blocks, indirect_count.blocks);
  EXPECT_EQ(leaks.indirect_count.bytes, indirect_count.bytes);
  EXPECT_EQ(direct_count.blocks + indirect_count.blocks, unreached.blocks);
  EXPECT_EQ(direct_count.bytes + indirect_count.bytes, unreached.bytes);
}

class ReachOf : public testing::TestWithParam<int> {};

TEST_P(ReachOf, RandomGraphsIsThatOfTheModel) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const Graph graph = random_graph(random);
    const std::vector<Root> roots = random_roots(random, graph);
    Answer answer(graph);
    const std::vector<int> distance = follow(graph, roots, answer);
    expect_reached_as_modelled(graph, roots, distance, answer);
    expect_leaks_as_modelled(graph, distance, answer);
    if (HasFailure()) return;
  }
}

TEST_P(ReachOf, RandomGraphsHasShortestPaths) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  for (int round = 0; round < 20; ++round) {
    const Graph graph = random_graph(random);
    const std::vector<Root> roots = random_roots(random, graph);
    Answer answer(graph);
    const std::vector<int> distance = follow(graph, roots, answer);
    std::vector<BlockNumber> from;
    from.reserve(roots.size());
    for (const Root& root : roots) from.push_back(answer.numbers[root.block]);
    for (std::size_t b = 0; b < graph.size(); ++b) {
      const auto path = answer.reach.shortest_path(from, answer.numbers[b]);
      ASSERT_EQ(static_cast<int>(path.size()), distance[b] + 1) << b;
      if (path.empty()) continue;
      EXPECT_EQ(path.back(), answer.numbers[b]);
      EXPECT_TRUE(std::count(from.begin(), from.end(), path.front()));
      for (std::size_t i = 1; i < path.size(); ++i) {
        const auto& edges = graph.edges[answer.name(path[i - 1])];
        const std::size_t to = answer.name(path[i]);
        EXPECT_TRUE(std::any_of(edges.begin(), edges.end(), [&](Edge e) { return e.to == to; }));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, ReachOf, testing::Range(1, 21));

/// `count` live blocks of one size.
Graph row_of(std::size_t count) {
  MadeHeap made;
  std::vector<Chunk> chunks;
  Address at{0x5555'0000'0000};
  for (std::size_t i = 0; i < count; ++i, at = at + 48_B) {
    chunks.push_back({range_of(at, 48_B), kLive});
  }
  chunks.push_back({range_of(at, 32_B), kNotLive});
  made.add_region(chunks);
  return Graph(std::move(made));
}

constexpr std::size_t kLong = 100'000;

/// A row in which each holds the one that a shuffle puts behind it; the order.
std::vector<std::size_t> chain(Graph& graph, Random& random) {
  std::vector<std::size_t> order(graph.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  for (std::size_t i = 0; i + 1 < order.size(); ++i) graph.link(order[i], order[i + 1]);
  return order;
}

TEST(Reach, ALongChainIsFollowedToItsEnd) {
  Random random(1);
  Graph graph = row_of(kLong);
  const auto order = chain(graph, random);
  Answer answer(graph);
  answer.reach.add_root({answer.numbers[order[0]], true});
  answer.reach.follow();
  EXPECT_EQ(answer.reach.find_leaks().direct_count.blocks, 0u);
  const auto path =
      answer.reach.shortest_path({answer.numbers[order[0]]}, answer.numbers[order.back()]);
  EXPECT_EQ(path.size(), kLong);
}

TEST(Reach, ALostChainIsOneLeakWhatEverItsOrder) {
  Random random(2);
  Graph graph = row_of(kLong);
  const auto order = chain(graph, random);
  Answer answer(graph);
  answer.reach.follow();
  const Reach::Leaks leaks = answer.reach.find_leaks();
  ASSERT_EQ(leaks.direct.size(), 1u);
  EXPECT_EQ(leaks.direct[0].block, answer.numbers[order[0]]);
  EXPECT_FALSE(leaks.direct[0].is_cycle);
  EXPECT_EQ(leaks.direct[0].indirect.blocks, kLong - 1);
  EXPECT_EQ(leaks.direct[0].indirect.bytes, 48_B * (kLong - 1));
}

TEST(Reach, ALostRingIsOneLeakAtItsLowestBlock) {
  Random random(3);
  Graph graph = row_of(kLong);
  const auto order = chain(graph, random);
  graph.link(order.back(), order.front());
  Answer answer(graph);
  const Reach::Leaks leaks = answer.reach.find_leaks();
  ASSERT_EQ(leaks.direct.size(), 1u);
  EXPECT_EQ(leaks.direct[0].block, answer.numbers[0]);
  EXPECT_TRUE(leaks.direct[0].is_cycle);
  EXPECT_EQ(leaks.direct[0].indirect.blocks, kLong - 1);
}

// As of a lost std::list of strings: what its nodes hold often lies below all of them.
TEST(Reach, WhatOnlyACycleHoldsIsNoLeakOfItsOwnThoughItLiesBelow) {
  Graph graph = row_of(5);
  graph.link(3, 4);
  graph.link(4, 3);
  graph.link(4, 0);
  graph.link(0, 1);
  Answer answer(graph);
  const Reach::Leaks leaks = answer.reach.find_leaks();
  ASSERT_EQ(leaks.direct.size(), 2u);
  EXPECT_EQ(answer.name(leaks.direct[0].block), 2u);
  EXPECT_FALSE(leaks.direct[0].is_cycle);
  EXPECT_EQ(answer.name(leaks.direct[1].block), 3u);
  EXPECT_TRUE(leaks.direct[1].is_cycle);
  EXPECT_EQ(leaks.direct[1].indirect.blocks, 3u);
}

TEST(Reach, ABlockThatHoldsItselfAloneIsHeldByNobody) {
  Graph graph = row_of(2);
  graph.link(0, 0);
  graph.link(1, 1, false);
  Answer answer(graph);
  const Reach::Leaks leaks = answer.reach.find_leaks();
  ASSERT_EQ(leaks.direct.size(), 2u);
  EXPECT_FALSE(leaks.direct[0].is_cycle);
  EXPECT_FALSE(leaks.direct[1].is_cycle);
}

TEST(Reach, ANodeThatHoldsAHundredThousandIsFollowed) {
  MadeHeap made;
  const Address start{0x5555'0000'0000};
  std::vector<Chunk> chunks = {{range_of(start, 8_B * kLong + 16_B), kLive}};
  for (std::size_t i = 0; i < kLong; ++i) {
    chunks.push_back({range_of(chunks.back().range.end, 32_B), kLive});
  }
  chunks.push_back({range_of(chunks.back().range.end, 32_B), kNotLive});
  made.add_region(chunks);
  Graph graph(std::move(made));
  for (std::size_t i = 1; i <= kLong; ++i) graph.link(0, i);
  Answer answer(graph);
  answer.reach.add_root({answer.numbers[0], true});
  answer.reach.follow();
  EXPECT_EQ(answer.reach.find_leaks().direct_count.blocks, 0u);
}

}  // namespace
}  // namespace strata
