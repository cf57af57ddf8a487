#include "inspect/object/reach.h"

#include <algorithm>
#include <array>

namespace strata {
namespace {

/// What was put in comes out so many later, when memory has answered what was asked for it.
template <class T>
class Delay {
 public:
  static constexpr std::size_t kLength = 16;

  bool is_empty() const { return begin_ == end_; }
  bool is_full() const { return end_ - begin_ == kLength; }
  void put(T value) { ring_[end_++ % kLength] = value; }
  T take() { return ring_[begin_++ % kLength]; }

 private:
  std::array<T, kLength> ring_{};
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace

Reach::Reach(const BlockMap& map, const References& references)
    : map_(map), references_(references), reached_(map.size()) {}

bool Reach::mark(BlockMap::Found found) {
  if (found.exact) reached_.set_second(found.block);
  if (reached_.first(found.block)) return false;
  reached_.set_first(found.block);
  return true;
}

void Reach::add_root(BlockMap::Found found) {
  if (found.block != BlockMap::kNowhere && mark(found)) waiting_.push_back(found.block);
}

void Reach::follow() {
  Delay<BlockNumber> blocks;
  Delay<BlockMap::Found> found;
  const auto see = [&](BlockMap::Found next) {
    if (found.is_full()) add_root(found.take());
    reached_.prefetch(next.block);
    found.put(next);
  };
  for (;;) {
    while (!blocks.is_full() && !waiting_.empty()) {
      references_.prefetch(waiting_.back());
      blocks.put(waiting_.back());
      waiting_.pop_back();
    }
    if (!blocks.is_empty()) {
      references_.of(blocks.take(), see);
    } else if (!found.is_empty()) {
      add_root(found.take());
    } else {
      return;
    }
  }
}

Count Reach::live() const {
  Count count;
  map_.each_live([&](BlockNumber block) {
    ++count.blocks;
    count.bytes += map_.chunk(block).size();
  });
  return count;
}

Count Reach::reached_from_within() const {
  Count count;
  map_.each_live([&](BlockNumber block) {
    if (!reached_.first(block) || reached_.second(block)) return;
    ++count.blocks;
    count.bytes += map_.chunk(block).size();
  });
  return count;
}

/// What `block` holds and nobody had taken yet, itself left out. All of it counts as reached now.
Count Reach::take_all_held_by(BlockNumber block) {
  Count count;
  reached_.set_first(block);
  waiting_.push_back(block);
  while (!waiting_.empty()) {
    const BlockNumber from = waiting_.back();
    waiting_.pop_back();
    references_.of(from, [&](BlockMap::Found found) {
      if (!mark(found)) return;
      ++count.blocks;
      count.bytes += map_.chunk(found.block).size();
      waiting_.push_back(found.block);
    });
  }
  return count;
}

Reach::Leaks Reach::find_leaks() {
  BitPairs held(map_.size());  // by another leak; and passed over
  map_.each_live([&](BlockNumber block) {
    if (reached_.first(block)) return;
    references_.of(block, [&](BlockMap::Found found) { held.set_first(found.block); });
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
  map_.each_live([&](BlockNumber block) {
    if (!reached_.first(block) && !held.first(block)) take(block, false);
  });
  // What is left is held by one another alone: by cycles, and what these hold. From the first block
  // in order all that it leads to is passed over, and so on. The first that is met of a cycle that
  // no other holds is such a beginning, and no beginning is led to by one before it: so the last
  // one is of such a cycle, and so is each before that those behind it do not lead to.
  std::vector<BlockNumber> beginnings;
  map_.each_live([&](BlockNumber block) {
    if (reached_.first(block) || held.second(block)) return;
    beginnings.push_back(block);
    held.set_second(block);
    waiting_.push_back(block);
    while (!waiting_.empty()) {
      const BlockNumber from = waiting_.back();
      waiting_.pop_back();
      references_.of(from, [&](BlockMap::Found found) {
        if (reached_.first(found.block) || held.second(found.block)) return;
        held.set_second(found.block);
        waiting_.push_back(found.block);
      });
    }
  });
  for (auto block = beginnings.rbegin(); block != beginnings.rend(); ++block) {
    if (!reached_.first(*block)) take(*block, true);
  }
  std::sort(leaks.direct.begin(), leaks.direct.end(),
            [&](const Leak& a, const Leak& b) { return map_.user(a.block) < map_.user(b.block); });
  return leaks;
}

std::vector<BlockNumber> Reach::shortest_path(const std::vector<BlockNumber>& roots,
                                              BlockNumber block) const {
  // In the order in which they are found, each with the place of the one that it was found by.
  std::vector<BlockNumber> order;
  std::vector<std::uint32_t> parents;
  BitPairs seen(map_.size());
  constexpr std::uint32_t kRoot = ~std::uint32_t{0};
  const auto see = [&](BlockNumber found, std::uint32_t parent) {
    if (seen.first(found)) return;
    seen.set_first(found);
    order.push_back(found);
    parents.push_back(parent);
  };
  for (const BlockNumber root : roots) see(root, kRoot);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] != block) {
      references_.of(order[i], [&](BlockMap::Found found) {
        see(found.block, static_cast<std::uint32_t>(i));
      });
      continue;
    }
    std::vector<BlockNumber> path;
    for (auto at = static_cast<std::uint32_t>(i); at != kRoot; at = parents[at]) {
      path.push_back(order[at]);
    }
    std::reverse(path.begin(), path.end());
    return path;
  }
  return {};
}

}  // namespace strata
