#include "malloc/samples.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include "abi/malloc_layout.h"
#include "malloc/block.h"
#include "malloc/census.h"
#include "malloc/chance.h"

namespace strata::alloc {

namespace {

const abi::MallocSamples& table() { return strata_malloc_layout.samples; }

/// The records as a reader has them.
std::vector<abi::MallocSample> all() {
  const Hold hold(samples.lock());  // other threads go on
  std::vector<abi::MallocSample> result;
  const auto* const records = reinterpret_cast<const abi::MallocSample*>(table().records);
  for (std::uint32_t i = 0; i < table().used_records; ++i) {
    EXPECT_EQ(records[i].sequence % 2, 0u);
    if (records[i].address != 0) result.push_back(records[i]);
  }
  return result;
}
const abi::MallocSample* find(const std::vector<abi::MallocSample>& records, const void* block) {
  for (const abi::MallocSample& record : records) {
    if (record.address == reinterpret_cast<std::uintptr_t>(block)) return &record;
  }
  return nullptr;
}

/// Samples while it lives, from a known seed.
class Sampling {
 public:
  explicit Sampling(std::uint64_t mean, std::uint64_t seed = 1) : before_(all().size()) {
    EXPECT_TRUE(space.has_begun() || space.begin());
    EXPECT_TRUE(samples.begin());
    samples.seed(seed);
    samples.want(mean);
    cache.follow_sampling();
  }
  ~Sampling() {
    samples.want(0);
    cache.follow_sampling();
    EXPECT_EQ(all().size(), before_) << "a record has outlived its block";
  }

 private:
  std::size_t before_;
};

constexpr std::uint64_t kEvery = 1;  // so that every block is sampled

TEST(Samples, AreNoneWhileItIsOff) {
  const std::size_t before = all().size();
  std::vector<void*> blocks;
  for (int i = 0; i < 10'000; ++i) blocks.push_back(allocate(1000));
  EXPECT_EQ(all().size(), before);
  for (void* block : blocks) release(block);
}

/// What of `size` lives by an estimate, beside what does: in standard deviations.
double error_of(std::size_t size, std::size_t count, std::uint64_t mean, std::uint64_t seed) {
  const Sampling sampling(mean, seed);
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < count; ++i) blocks.push_back(allocate(size));
  const double bytes = static_cast<double>(usable_size(blocks[0], "test"));
  const double chance = chance_within(bytes / static_cast<double>(mean));
  double estimated = 0;
  for (const abi::MallocSample& sample : all()) {
    EXPECT_EQ(sample.bytes, static_cast<std::uint64_t>(bytes));
    EXPECT_EQ(sample.asked, size);
    EXPECT_EQ(sample.mean, mean);
    estimated += 1 / chance;
  }
  const auto truth = static_cast<double>(count);
  for (void* block : blocks) release(block);
  return (estimated - truth) / std::sqrt(truth * (1 - chance) / chance);
}

// The number of samples of one size is binomial. Small, medium, and runs of pages; far below the
// mean, near it and above.
TEST(Samples, AreTrueOnAverage) {
  for (const std::size_t size : {16, 200, 1000, 5000, 30'000, 100'000}) {
    double sum = 0;
    constexpr int kSeeds = 4;
    for (int seed = 1; seed <= kSeeds; ++seed) {
      const double error = error_of(size, std::min<std::size_t>(20'000, 40'000'000 / size), 65536,
                                    static_cast<std::uint64_t>(seed * 1000) + size);
      EXPECT_LT(std::abs(error), 6) << size;
      sum += error;
    }
    EXPECT_LT(std::abs(sum / std::sqrt(kSeeds)), 6) << size;
  }
}

TEST(Samples, WhatWasAllocatedInAllIsCountedByStack) {
  const auto total = [] {
    double bytes = 0;
    const auto* const words = reinterpret_cast<const std::uint64_t*>(table().stacks);
    for (std::uint32_t at = 0; at < table().used_words;) {
      const auto& stack = *reinterpret_cast<const abi::MallocStack*>(words + at);
      bytes += static_cast<double>(stack.bytes);
      at += static_cast<std::uint32_t>(sizeof stack / 8) + stack.depth;
    }
    return bytes;
  };
  const Sampling sampling(16384);
  const double before = total();
  constexpr int kBlocks = 100'000;
  for (int i = 0; i < kBlocks; ++i) release(allocate(512));
  constexpr double kTruth = 512.0 * kBlocks;
  const double chance = chance_within(512.0 / 16384);
  const double deviation = 512 * std::sqrt(kBlocks * (1 - chance) / chance);
  EXPECT_NEAR(total() - before, kTruth, 6 * deviation);
}

TEST(Samples, ASampledBlockIsLiveLikeAnother) {
  const Sampling sampling(kEvery);
  static Census before, after;
  take_census(before);
  void* const block = allocate(100);
  ASSERT_NE(find(all(), block), nullptr);
  EXPECT_EQ(usable_size(block, "test"), 112u);
  take_census(after);
  EXPECT_EQ(after.all_live().bytes, before.all_live().bytes + 112);
  release(block);
  EXPECT_EQ(find(all(), block), nullptr);
  take_census(after);
  EXPECT_EQ(after.all_live().bytes, before.all_live().bytes);
}

TEST(Samples, ASampledBlockMayBeFreedByAnotherThread) {
  const Sampling sampling(kEvery);
  std::vector<void*> blocks;
  std::thread([&] {
    for (int i = 0; i < 1000; ++i) blocks.push_back(allocate(static_cast<std::size_t>(i) * 40));
    cache.end();
  }).join();
  EXPECT_EQ(all().size(), blocks.size());
  EXPECT_NE(find(all(), blocks[0])->thread, static_cast<std::uint32_t>(gettid()));
  std::thread([&] {
    for (void* block : blocks) release(block);
    cache.end();
  }).join();
}

TEST(Samples, AResizedBlockIsAnother) {
  const Sampling sampling(kEvery);
  void* block = allocate(100);
  for (const std::size_t size : {3000, 50'000, 400'000, 9'000'000, 70'000, 10}) {
    block = resize(block, size, "test");
    const auto records = all();
    ASSERT_EQ(records.size(), 1u) << size;
    const abi::MallocSample* const record = find(records, block);
    ASSERT_NE(record, nullptr) << size;
    EXPECT_EQ(record->bytes, usable_size(block, "test"));
    EXPECT_EQ(record->asked, size);
  }
  release(block);
}

TEST(Samples, ARunThatCannotBeResizedStaysSampled) {
  const Sampling sampling(kEvery);
  void* const block = allocate(100'000);
  EXPECT_EQ(resize(block, std::size_t{1} << 60, "test"), nullptr);
  ASSERT_NE(find(all(), block), nullptr);
  EXPECT_EQ(find(all(), block)->asked, 100'000u);
  release(block);
}

TEST(SamplesDeathTest, ASampledBlockFreedTwiceEndsTheProgram) {
  const auto free_twice = [](std::size_t bytes) {
    samples.want(kEvery);
    cache.follow_sampling();
    void* const block = allocate(bytes);
    release(block);
    release(block);
  };
  EXPECT_DEATH(free_twice(40), "free already");
  EXPECT_DEATH(free_twice(4000), "free already");
  EXPECT_DEATH(free_twice(400'000), "free\\(0x");
}

TEST(Samples, AThreadFollowsWhereItTakesBlocks) {
  void* const first = allocate(48);
  std::vector<void*> blocks;
  samples.want(kEvery);
  for (int i = 0; i < 100'000 && all().empty(); ++i) blocks.push_back(allocate(48));
  EXPECT_FALSE(all().empty());
  samples.want(0);
  for (int i = 0; i < 100'000; ++i) blocks.push_back(allocate(48));
  const std::size_t before = all().size();
  for (int i = 0; i < 100; ++i) blocks.push_back(allocate(48));
  EXPECT_EQ(all().size(), before);
  for (void* block : blocks) release(block);
  release(first);
  EXPECT_TRUE(all().empty());
}

TEST(Samples, AChildThatWasForkedGoesOn) {
  const Sampling sampling(4096);
  std::atomic<bool> is_over{false};
  std::thread other([&] {
    while (!is_over) release(allocate(3000));
    cache.end();
  });
  void* const block = allocate(1 << 20);
  ASSERT_NE(find(all(), block), nullptr);
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      release(block);
      for (int n = 0; n < 1000; ++n) release(allocate(2000));
      _exit(find(all(), block) == nullptr ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  is_over = true;
  other.join();
  EXPECT_NE(find(all(), block), nullptr);
  release(block);
}

TEST(Samples, OneStackIsKeptOnce) {
  const Sampling sampling(kEvery);
  std::vector<void*> blocks;
  const auto take_one = [&](std::size_t size) { blocks.push_back(allocate(size)); };
  for (int i = 0; i < 50; ++i) take_one(3000);
  const std::uint32_t before = table().used_words;
  for (int i = 0; i < 1000; ++i) take_one(3000);
  // A loop may have been unrolled into several calls.
  EXPECT_LT(table().used_words, before + 1000);
  for (void* block : blocks) release(block);
}

TEST(Samples, ThreadsSampleAndFreeEachOthers) {
  const Sampling sampling(500);
  static std::array<std::atomic<void*>, 256> handed;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      std::minstd_rand random(static_cast<unsigned>(t) + 5);
      for (int i = 0; i < 10'000; ++i) {
        const std::size_t most = random() % 50 == 0 ? 200'000 : 4000;
        void* const old = handed[random() % handed.size()].exchange(allocate(random() % most));
        if (old != nullptr) release(old);
      }
      cache.end();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::atomic<void*>& block : handed) {
    if (void* const old = block.exchange(nullptr)) release(old);
  }
}

TEST(Samples, WhatHasNoRoomIsCountedAsLost) {
  const Sampling sampling(kEvery);
  constexpr std::size_t kBlocks = (1u << 17) + 1000;
  std::vector<void*> blocks;
  const std::uint64_t before = table().lost;
  for (std::size_t i = 0; i < kBlocks; ++i) blocks.push_back(allocate(16));
  EXPECT_EQ(table().lost, before + 1000);
  EXPECT_EQ(all().size(), kBlocks - 1000);
  for (void* block : blocks) release(block);
}

}  // namespace
}  // namespace strata::alloc
