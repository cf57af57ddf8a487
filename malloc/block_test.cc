#include "malloc/block.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "malloc/arena.h"
#include "malloc/census.h"
#include "malloc/decay.h"

namespace strata::alloc {
namespace {

struct Handed {
  std::atomic<unsigned char*> block{nullptr};
};

/// A block knows its size and bears one byte at both ends.
unsigned char* make(std::minstd_rand& random) {
  const std::size_t most = random() % 20 == 0 ? 100'000 : random() % 4 == 0 ? 5000 : 300;
  const std::size_t bytes = 16 + random() % most;
  auto* const block = static_cast<unsigned char*>(allocate(bytes));
  std::memcpy(block, &bytes, sizeof bytes);
  block[8] = block[bytes - 1] = static_cast<unsigned char>(bytes * 7);
  return block;
}

void check_and_release(unsigned char* block) {
  std::size_t bytes = 0;
  std::memcpy(&bytes, block, sizeof bytes);
  ASSERT_GE(usable_size(block, "test"), bytes);
  ASSERT_EQ(block[8], static_cast<unsigned char>(bytes * 7));
  ASSERT_EQ(block[bytes - 1], static_cast<unsigned char>(bytes * 7));
  release(block);
}

// Threads allocate, and free what others allocated; while one gives back all that is free.
TEST(Blocks, PassBetweenThreads) {
  constexpr int kThreads = 4, kRounds = 60'000;
  static std::array<Handed, 512> handed;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(static_cast<unsigned>(t) + 1);
      for (int i = 0; i < kRounds; ++i) {
        unsigned char* const old = handed[random() % handed.size()].block.exchange(make(random));
        if (old != nullptr) check_and_release(old);
      }
      cache.end();
      --running;
    });
  }
  while (running > 0) {
    purge_everything();
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  for (Handed& place : handed) {
    if (unsigned char* const block = place.block.exchange(nullptr)) check_and_release(block);
  }
  cache.end();
  static Census census;
  take_census(census);
  EXPECT_EQ(census.all_live().blocks, 0u);
  EXPECT_EQ(census.cached.blocks, 0u);
  // And all of it can be given back.
  retreat();
  take_census(census);
  EXPECT_EQ(census.free.blocks, 0u);
  EXPECT_EQ(census.dirty, 0u);
}

TEST(Blocks, AreCountedByClass) {
  static Census before, after;
  take_census(before);
  std::vector<void*> blocks;
  for (unsigned c = 1; c < kClasses; ++c) {
    for (int i = 0; i < 10; ++i) blocks.push_back(allocate(size_of_class(c)));
  }
  take_census(after);
  for (unsigned c = 1; c < kClasses; ++c) {
    EXPECT_EQ(after.live[c].blocks - before.live[c].blocks, 10u) << c;
  }
  for (void* block : blocks) release(block);
}

TEST(Blocks, FreedTwiceEndTheProgram) {
  EXPECT_DEATH(
      {
        void* const block = allocate(40);
        release(block);
        release(block);
      },
      "strata malloc: free\\(0x[0-9a-f]+\\): the block is free already");
}

}  // namespace
}  // namespace strata::alloc
