#include "malloc/hot_runs.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace strata::alloc {
namespace {

TEST(HotRuns, WhatIsPutIsTakenOnceOrMakesRoom) {
  HotRuns runs;
  std::set<HotRuns::Page> out;
  for (HotRuns::Page run = 1; run <= 100; ++run) {
    if (const auto before = runs.put(run % 3, run)) EXPECT_TRUE(out.insert(before).second);
  }
  std::size_t at_hand = 0;
  runs.each([&](HotRuns::Page) { ++at_hand; });
  EXPECT_EQ(out.size() + at_hand, 100u);
  EXPECT_EQ(runs.take(3), HotRuns::kNone);
  for (unsigned bin = 0; bin < 2; ++bin) {
    while (const auto run = runs.take(bin)) {
      EXPECT_EQ(run % 3, bin);
      EXPECT_TRUE(out.insert(run).second);
    }
  }
  runs.take_all([&](HotRuns::Page run) { EXPECT_TRUE(out.insert(run).second); });
  EXPECT_EQ(out.size(), 100u);
}

TEST(HotRuns, NoneIsLostOrDoubledBetweenThreads) {
  constexpr HotRuns::Page kRuns = 20'000;
  HotRuns runs;
  std::vector<std::vector<HotRuns::Page>> out(4);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < out.size(); ++t) {
    threads.emplace_back([&, t] {
      for (HotRuns::Page i = 0; i < kRuns; ++i) {
        const HotRuns::Page run = 1 + t * kRuns + i;
        if (const auto before = runs.put(0, run)) out[t].push_back(before);
        if (const auto taken = runs.take(0)) out[t].push_back(taken);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  runs.take_all([&](HotRuns::Page run) { out[0].push_back(run); });
  std::set<HotRuns::Page> all;
  std::size_t count = 0;
  for (const auto& of_thread : out) {
    all.insert(of_thread.begin(), of_thread.end());
    count += of_thread.size();
  }
  EXPECT_EQ(count, 4 * kRuns);
  EXPECT_EQ(all.size(), 4 * kRuns);
}

}  // namespace
}  // namespace strata::alloc
