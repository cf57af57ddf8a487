#include "inspect/object/reach.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace strata {

Reach::Reach(const BlockMap& map, const References& references)
    : map_(map), references_(references), reached_(map.size()), exact_(map.size()) {}

void Reach::add_root(BlockMap::Found found) {
  if (found.block == BlockMap::kNowhere) return;
  if (found.exact) exact_.set(found.block);
  if (reached_.insert(found.block)) waiting_.push_back(found.block);
}

void Reach::follow() {
  while (!waiting_.empty()) {
    const BlockNumber block = waiting_.back();
    waiting_.pop_back();
    references_.of(block, [&](BlockMap::Place place) {
      const BlockMap::Found found = map_.find(place);
      if (found.block != block) add_root(found);
    });
  }
}

template <class Do>
void Reach::each_live(Do&& act) const {
  const auto& words = map_.live().words();
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (std::uint64_t bits = words[i]; bits != 0; bits &= bits - 1) {
      act(static_cast<BlockNumber>(i * 64 + static_cast<std::size_t>(std::countr_zero(bits))));
    }
  }
  for (std::size_t i = 0; i < map_.mapped().size(); ++i) act(map_.mapped_block(i));
}

Count Reach::live() const {
  Count count;
  each_live([&](BlockNumber block) {
    ++count.blocks;
    count.bytes += map_.chunk(block).size();
  });
  return count;
}

Count Reach::reached_from_within() const {
  Count count;
  each_live([&](BlockNumber block) {
    if (!reached_.test(block) || exact_.test(block)) return;
    ++count.blocks;
    count.bytes += map_.chunk(block).size();
  });
  return count;
}

/// What `block` holds and nobody had taken yet, itself left out. All of it counts as reached now.
Count Reach::take_all_held_by(BlockNumber block) {
  Count count;
  reached_.set(block);
  waiting_.push_back(block);
  while (!waiting_.empty()) {
    const BlockNumber from = waiting_.back();
    waiting_.pop_back();
    references_.of(from, [&](BlockMap::Place place) {
      const BlockMap::Found found = map_.find(place);
      if (found.block == BlockMap::kNowhere || !reached_.insert(found.block)) return;
      ++count.blocks;
      count.bytes += map_.chunk(found.block).size();
      waiting_.push_back(found.block);
    });
  }
  return count;
}

Reach::Leaks Reach::find_leaks() {
  GranuleBits held(map_.size());  // by another leak
  each_live([&](BlockNumber block) {
    if (reached_.test(block)) return;
    references_.of(block, [&](BlockMap::Place place) {
      const BlockMap::Found found = map_.find(place);
      if (found.block != BlockMap::kNowhere && found.block != block) held.set(found.block);
    });
  });
  Leaks leaks;
  const auto take = [&](BlockNumber block, bool is_cycle) {
    const Count indirect = take_all_held_by(block);
    ++leaks.direct_count.blocks;
    leaks.direct_count.bytes += map_.chunk(block).size();
    leaks.indirect_count.blocks += indirect.blocks;
    leaks.indirect_count.bytes += indirect.bytes;
    if (leaks.direct.size() < kMostLeaks) leaks.direct.push_back({block, is_cycle, indirect});
  };
  each_live([&](BlockNumber block) {
    if (!reached_.test(block) && !held.test(block)) take(block, false);
  });
  // What is left is held by one another alone.
  each_live([&](BlockNumber block) {
    if (!reached_.test(block)) take(block, true);
  });
  std::sort(leaks.direct.begin(), leaks.direct.end(),
            [&](const Leak& a, const Leak& b) { return map_.user(a.block) < map_.user(b.block); });
  return leaks;
}

std::vector<BlockNumber> Reach::shortest_path(const std::vector<BlockNumber>& roots,
                                              BlockNumber block) const {
  std::vector<BlockNumber> order, parents;
  GranuleBits seen(map_.size());
  constexpr BlockNumber kRoot = BlockMap::kNowhere;
  for (const BlockNumber root : roots) {
    if (!seen.insert(root)) continue;
    order.push_back(root);
    parents.push_back(kRoot);
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] == block) {
      std::vector<BlockNumber> path;
      for (std::size_t at = i;; at = parents[at]) {
        path.push_back(order[at]);
        if (parents[at] == kRoot) break;
      }
      std::reverse(path.begin(), path.end());
      return path;
    }
    references_.of(order[i], [&](BlockMap::Place place) {
      const BlockMap::Found found = map_.find(place);
      if (found.block == BlockMap::kNowhere || !seen.insert(found.block)) return;
      order.push_back(found.block);
      parents.push_back(static_cast<BlockNumber>(i));
    });
  }
  return {};
}

}  // namespace strata
