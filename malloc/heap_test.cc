#include "malloc/heap.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "malloc/block.h"
#include "malloc/census.h"
#include "malloc/decay.h"
#include "malloc/include/strata/malloc.h"

namespace strata::alloc {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kSizes[] = {1, 16, 100, 1000, 1024, 1025, 5000, 32768, 32769, 300'000};

strata_heap_figures figures_of(const strata_heap* heap) {
  strata_heap_figures figures{};
  strata_heap_statistics(heap, &figures, sizeof figures);
  return figures;
}

/// Destroyed at the end.
struct Scoped {
  explicit Scoped(std::size_t limit = STRATA_NO_LIMIT)
      : heap(strata_heap_create("scoped", limit)) {}
  explicit Scoped(strata_heap* of) : heap(of) {}
  ~Scoped() { strata_heap_destroy(heap); }
  operator strata_heap*() const { return heap; }
  strata_heap* const heap;
};

TEST(Heap, CountsWhatIsLiveAndHeld) {
  const Scoped heap;
  std::vector<void*> blocks;
  std::size_t bytes = 0;
  for (const std::size_t size : kSizes) {
    for (int i = 0; i < 100; ++i) {
      void* const block = strata_heap_alloc(heap, size);
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0u);
      EXPECT_EQ(strata_heap_of(block), heap);
      EXPECT_GE(usable_size(block, "test"), size);
      std::memset(block, 1, usable_size(block, "test"));
      bytes += usable_size(block, "test");
      blocks.push_back(block);
    }
  }
  const strata_heap_figures full = figures_of(heap);
  EXPECT_EQ(full.live_blocks, blocks.size());
  EXPECT_EQ(full.live_bytes, bytes);
  EXPECT_GE(full.held_bytes, bytes);
  EXPECT_LT(full.held_bytes, bytes + bytes / 4 + 11 * 128 * 1024);
  for (void* const block : blocks) strata_heap_free(heap, block);
  const strata_heap_figures empty = figures_of(heap);
  EXPECT_EQ(empty.live_blocks, 0u);
  EXPECT_EQ(empty.live_bytes, 0u);
  EXPECT_EQ(empty.peak_bytes, bytes);
  EXPECT_EQ(empty.refused, 0u);
  // One span of each class is kept at most, and those of blocks on the shelves.
  EXPECT_LT(empty.held_bytes, full.held_bytes / 4);
}

TEST(Heap, AShorterOrLongerTableOfFiguresIsFilledIn) {
  const Scoped heap(std::size_t{4096});
  struct {
    strata_heap_figures known;
    std::size_t later;
  } figures;
  std::memset(&figures, 7, sizeof figures);
  strata_heap_statistics(heap, &figures.known, sizeof figures);
  EXPECT_EQ(figures.later, 0u);
  EXPECT_EQ(figures.known.limit_bytes, 4096u);
  std::memset(&figures, 7, sizeof figures);
  strata_heap_statistics(heap, &figures.known, sizeof(std::size_t));
  EXPECT_EQ(figures.known.live_blocks, 0u);
  EXPECT_NE(figures.known.live_bytes, 0u);
}

TEST(Heap, ALimitIsReachedExactlyAndNeverPassed) {
  const Scoped heap(std::size_t{64 * 1000});
  errno = 0;
  std::vector<void*> blocks;
  while (void* const block = strata_heap_alloc(heap, 50)) blocks.push_back(block);
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_EQ(blocks.size(), 1000u);
  EXPECT_EQ(strata_heap_alloc(heap, 1), nullptr);
  EXPECT_EQ(strata_heap_alloc(heap, 100'000), nullptr);
  EXPECT_EQ(strata_heap_calloc(heap, SIZE_MAX / 2, 3), nullptr);
  EXPECT_EQ(strata_heap_alloc(heap, SIZE_MAX), nullptr);
  EXPECT_EQ(strata_heap_alloc(heap, PTRDIFF_MAX), nullptr);
  EXPECT_EQ(figures_of(heap).refused, 6u);
  errno = 0;
  strata_heap_free(heap, blocks.back());
  blocks.back() = strata_heap_alloc(heap, 64);
  EXPECT_NE(blocks.back(), nullptr);
  EXPECT_EQ(errno, 0);
  strata_heap_set_limit(heap, 0);
  strata_heap_free(heap, blocks.back());
  EXPECT_EQ(strata_heap_alloc(heap, 0), nullptr);
  strata_heap_set_limit(heap, 64 * 1000 + kMiB);
  EXPECT_EQ(strata_heap_limit(heap), 64 * 1000 + kMiB);
  void* const run = strata_heap_alloc(heap, kMiB);
  EXPECT_NE(run, nullptr);
  EXPECT_EQ(strata_heap_realloc(heap, run, kMiB + 4096 + 1), nullptr);
  EXPECT_EQ(strata_heap_of(run), heap);
  EXPECT_LE(figures_of(heap).peak_bytes, strata_heap_limit(heap));
}

// A run that is kept at hand may be longer than what is asked for; a heap at its limit gets no
// more.
TEST(Heap, ARunAtHandCountsAsWhatItIs) {
  const Scoped heap(kMiB);
  release(allocate(kMiB + 64 * 1024));
  void* const run = strata_heap_alloc(heap, kMiB);
  ASSERT_NE(run, nullptr);
  EXPECT_EQ(figures_of(heap).live_bytes, kMiB);
  EXPECT_EQ(usable_size(run, "test"), kMiB);
}

TEST(Heap, ResetGivesBackAllAtOnce) {
  const Scoped heap;
  Census before;
  take_census(before);
  for (int round = 0; round < 3; ++round) {
    std::vector<unsigned char*> blocks;
    for (const std::size_t size : kSizes) {
      for (int i = 0; i < 700; ++i) {
        auto* const block = static_cast<unsigned char*>(strata_heap_calloc(heap, 1, size));
        ASSERT_NE(block, nullptr);
        ASSERT_EQ(block[0] | block[size - 1], 0);
        block[0] = block[size - 1] = 1;
        blocks.push_back(block);
      }
    }
    // Full spans, spans with free blocks, and what is on shelves.
    for (std::size_t i = 0; i < blocks.size(); i += 3) strata_heap_free(heap, blocks[i]);
    strata_heap_reset(heap);
    const strata_heap_figures figures = figures_of(heap);
    EXPECT_EQ(figures.live_blocks, 0u);
    EXPECT_EQ(figures.live_bytes, 0u);
    EXPECT_EQ(figures.held_bytes, 0u);
    EXPECT_GT(figures.peak_bytes, 0u);
    EXPECT_EQ(strata_heap_of(blocks[1]), nullptr);
  }
  Census after;
  take_census(after);
  EXPECT_EQ(before.all_live().blocks, after.all_live().blocks);
  EXPECT_EQ(before.all_live().bytes, after.all_live().bytes);
}

// Of threads that are gone others take over spans; a heap does not, for all of its spans are its
// own.
TEST(Heap, WhatThreadsLeftIsNoHeaps) {
  std::vector<void*> left;
  std::thread([&] {
    for (int i = 0; i < 1000; ++i) left.push_back(allocate(700));
    for (std::size_t i = 0; i < left.size(); i += 2) release(left[i]);
    cache.end();
  }).join();
  const Scoped heap;
  for (int i = 0; i < 2000; ++i) ASSERT_NE(strata_heap_alloc(heap, 700), nullptr);
  EXPECT_GE(figures_of(heap).held_bytes, figures_of(heap).live_bytes);
  for (std::size_t i = 1; i < left.size(); i += 2) EXPECT_EQ(strata_heap_of(left[i]), nullptr);
  strata_heap_reset(heap);
  for (std::size_t i = 1; i < left.size(); i += 2) release(left[i]);
}

TEST(Heap, WhatIsGivenBackServesOthers) {
  purge_everything();
  strata_heap* const heap = strata_heap_create("lender", STRATA_NO_LIMIT);
  for (int i = 0; i < 100'000; ++i) *static_cast<char*>(strata_heap_alloc(heap, 100)) = 1;
  strata_heap_destroy(heap);
  const std::size_t dirty = dirty_bytes();
  EXPECT_GE(dirty, 100'000u * 112);
  std::vector<void*> blocks;
  for (int i = 0; i < 50'000; ++i) blocks.push_back(allocate(200));
  EXPECT_LT(dirty_bytes(), dirty - 9'000'000);
  for (void* const block : blocks) release(block);
}

TEST(Heap, PlainFreeAndReallocKeepToTheHeap) {
  const Scoped heap;
  for (const std::size_t size : kSizes) {
    void* const block = strata_heap_alloc(heap, size);
    std::memset(block, 3, size);
    void* const grown = resize(block, size * 3, "test");
    ASSERT_NE(grown, nullptr);
    EXPECT_EQ(strata_heap_of(grown), heap);
    EXPECT_EQ(static_cast<char*>(grown)[size - 1], 3);
    release(grown);
    EXPECT_EQ(figures_of(heap).live_blocks, 0u);
  }
  void* const own = allocate(100);
  EXPECT_EQ(strata_heap_of(own), nullptr);
  release(own);
  int local = 0;
  EXPECT_EQ(strata_heap_of(&local), nullptr);
}

TEST(Heap, RunsGrowAndShrinkWhereTheyCanAndAreCounted) {
  const Scoped heap;
  std::vector<unsigned char*> runs;
  for (int i = 0; i < 20; ++i) {
    runs.push_back(static_cast<unsigned char*>(strata_heap_alloc(heap, 200'000)));
    runs.back()[0] = static_cast<unsigned char>(i);
  }
  std::minstd_rand random(7);
  for (int i = 0; i < 2000; ++i) {
    unsigned char*& run = runs[random() % runs.size()];
    const unsigned char was = run[0];
    run = static_cast<unsigned char*>(strata_heap_realloc(heap, run, 1 + random() % (2 * kMiB)));
    ASSERT_EQ(run[0], was);
  }
  std::size_t bytes = 0;
  for (unsigned char* const run : runs) bytes += usable_size(run, "test");
  EXPECT_EQ(figures_of(heap).live_blocks, runs.size());
  EXPECT_EQ(figures_of(heap).live_bytes, bytes);
  for (unsigned char* const run : runs) strata_heap_realloc(heap, run, 0);
  EXPECT_EQ(figures_of(heap).live_bytes, 0u);
}

TEST(Heap, AlignmentsAreKept) {
  const Scoped heap;
  for (std::size_t alignment = 1; alignment <= 2 * kMiB; alignment *= 2) {
    for (const std::size_t size : {std::size_t{1}, alignment, alignment * 3 / 2}) {
      void* const block = strata_heap_aligned_alloc(heap, alignment, size);
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
      EXPECT_EQ(strata_heap_of(block), heap);
    }
  }
  errno = 0;
  EXPECT_EQ(strata_heap_aligned_alloc(heap, 48, 1), nullptr);
  EXPECT_EQ(strata_heap_aligned_alloc(heap, 0, 1), nullptr);
  EXPECT_EQ(errno, EINVAL);
}

TEST(Heap, APoolGivesObjectsOfItsSizeAlone) {
  const std::pair<std::size_t, std::size_t> kinds[] = {{1, 1},    {48, 64},     {100, 16},
                                                       {1500, 8}, {40'000, 64}, {40'000, 65536}};
  for (const auto& [size, alignment] : kinds) {
    const Scoped pool(strata_pool_create("objects", size, alignment, STRATA_NO_LIMIT));
    void* const object = strata_pool_alloc(pool);
    void* const other = strata_heap_alloc(pool, size / 2);
    ASSERT_NE(object, nullptr);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(object) % alignment, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(other) % alignment, 0u);
    EXPECT_EQ(usable_size(object, "test"), usable_size(other, "test"));
    EXPECT_EQ(strata_heap_realloc(pool, object, size), object);
    errno = 0;
    EXPECT_EQ(strata_heap_alloc(pool, size + 1), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(strata_heap_realloc(pool, object, size + 1), nullptr);
    EXPECT_EQ(strata_heap_aligned_alloc(pool, alignment * 2, size), nullptr);
    strata_heap_free(pool, object);
    strata_heap_free(pool, other);
    EXPECT_EQ(figures_of(pool).live_blocks, 0u);
  }
  EXPECT_EQ(strata_pool_create("none", 0, 1, 1), nullptr);
  EXPECT_EQ(strata_pool_create("none", 1, 3, 1), nullptr);
  EXPECT_EQ(strata_pool_create("none", SIZE_MAX, 1, 1), nullptr);
  const Scoped heap;
  EXPECT_EQ(strata_pool_alloc(heap), nullptr);
}

TEST(Heap, NamesAreKeptAsFarAsThereIsRoom) {
  errno = 0;
  EXPECT_EQ(strata_heap_create(nullptr, 1), nullptr);
  EXPECT_EQ(strata_heap_create("", 1), nullptr);
  EXPECT_EQ(errno, EINVAL);
  const Scoped exact(strata_heap_create(std::string(47, 'a').c_str(), 1));
  EXPECT_EQ(strata_heap_name(exact), std::string(47, 'a'));
  const Scoped cut(strata_heap_create((std::string(46, 'a') + "\u00e9\u00e9").c_str(), 1));
  EXPECT_EQ(strata_heap_name(cut), std::string(46, 'a'));
}

TEST(Heap, RecordsAreUsedAgainAndOldHandlesTold) {
  constexpr std::size_t kHeaps = 300;
  std::vector<strata_heap*> first, second;
  for (std::size_t i = 0; i < kHeaps; ++i) {
    first.push_back(strata_heap_create("many", STRATA_NO_LIMIT));
    ASSERT_NE(strata_heap_alloc(first.back(), 40'000), nullptr);
  }
  for (strata_heap* const heap : first) strata_heap_destroy(heap);
  Census before;
  take_census(before);
  for (std::size_t i = 0; i < kHeaps; ++i) second.push_back(strata_heap_create("again", 1));
  Census after;
  take_census(after);
  EXPECT_EQ(before.heaps, after.heaps);
  for (strata_heap* const heap : first) {
    EXPECT_EQ(std::count(second.begin(), second.end(), heap), 0);
  }
  for (strata_heap* const heap : second) strata_heap_destroy(heap);
}

// What a heap has, held against a map of it, through all operations.
void play(unsigned seed) {
  std::minstd_rand random(seed);
  const std::size_t limit = seed % 2 == 0 ? 4 * kMiB : STRATA_NO_LIMIT;
  const Scoped heap(limit);
  std::map<unsigned char*, std::size_t> live;
  std::size_t refused = 0;
  const auto any = [&] {
    return std::next(live.begin(), static_cast<long>(random() % live.size()));
  };
  const auto note = [&](void* block, std::size_t bytes) {
    if (block == nullptr) {
      ++refused;
      return;
    }
    auto* const at = static_cast<unsigned char*>(block);
    const auto behind = live.lower_bound(at);
    ASSERT_TRUE(behind == live.end() || at + bytes <= behind->first);
    ASSERT_TRUE(behind == live.begin() ||
                std::prev(behind)->first + std::prev(behind)->second <= at);
    live[at] = bytes;
    if (bytes > 0) at[0] = at[bytes - 1] = static_cast<unsigned char>(bytes * 11);
  };
  const auto holds = [&](const unsigned char* block, std::size_t bytes) {
    return bytes == 0 || (block[0] == static_cast<unsigned char>(bytes * 11) &&
                          (bytes == 1 || block[bytes - 1] == block[0]));
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t most = random() % 30 == 0 ? 200'000 : random() % 4 == 0 ? 9000 : 400;
    const std::size_t bytes = random() % most;
    switch (random() % 8) {
      case 0:
      case 1:
        note(strata_heap_alloc(heap, bytes), bytes);
        break;
      case 2:
        note(strata_heap_aligned_alloc(heap, std::size_t{16} << random() % 6, bytes), bytes);
        break;
      case 3: {
        auto* const block = static_cast<unsigned char*>(strata_heap_calloc(heap, 1, bytes));
        for (std::size_t k = 0; block != nullptr && k < bytes; ++k) ASSERT_EQ(block[k], 0);
        note(block, bytes);
        break;
      }
      case 4: {
        if (live.empty()) break;
        const auto [block, had] = *any();
        ASSERT_TRUE(holds(block, had));
        void* const moved = resize(block, bytes + 1, "test");
        if (moved == nullptr) {
          ++refused;
          break;
        }
        if (had > 0 && bytes > 0) {
          ASSERT_EQ(static_cast<unsigned char*>(moved)[0], static_cast<unsigned char>(had * 11));
        }
        live.erase(block);
        note(moved, bytes + 1);
        break;
      }
      default: {
        if (live.empty()) break;
        const auto [block, had] = *any();
        ASSERT_TRUE(holds(block, had));
        live.erase(block);
        if (random() % 2 == 0) {
          strata_heap_free(heap, block);
        } else {
          release(block);
        }
      }
    }
    if (i % 5000 == 4999) {
      strata_heap_reset(heap);
      live.clear();
    }
    if (i % 1000 == 500) {
      std::size_t sum = 0;
      for (const auto& [block, had] : live) {
        ASSERT_TRUE(holds(block, had));
        sum += usable_size(block, "test");
      }
      const strata_heap_figures figures = figures_of(heap);
      ASSERT_EQ(figures.live_blocks, live.size());
      ASSERT_EQ(figures.live_bytes, sum);
      ASSERT_LE(figures.peak_bytes, limit);
      ASSERT_LE(figures.live_bytes, figures.held_bytes);
      ASSERT_EQ(figures.refused, refused);
    }
  }
}

TEST(Heap, IsAsAModelSays) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    play(seed);
    if (testing::Test::HasFatalFailure()) return;
  }
}

// Threads allocate from two heaps and free what others allocated, by either free; meanwhile memory
// is given back, and figures are asked for.
TEST(Heap, ManyThreadsShareHeaps) {
  constexpr int kThreads = 4, kRounds = 20'000;
  const Scoped one, other;
  strata_heap* const heaps[] = {one, other};
  static std::array<std::atomic<unsigned char*>, 256> handed;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  const auto check_and_free = [](unsigned char* block) {
    ASSERT_EQ(block[0], block[15]);
    if (block[0] % 2 == 0) {
      release(block);
    } else {
      strata_heap_free(strata_heap_of(block), block);
    }
  };
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(static_cast<unsigned>(t) + 1);
      for (int i = 0; i < kRounds; ++i) {
        const std::size_t bytes = 16 + random() % (random() % 50 == 0 ? 100'000 : 300);
        auto* const block =
            static_cast<unsigned char*>(strata_heap_alloc(heaps[random() % 2], bytes));
        block[0] = block[15] = static_cast<unsigned char>(random());
        unsigned char* const old = handed[random() % handed.size()].exchange(block);
        if (old != nullptr) check_and_free(old);
      }
      cache.end();
      --running;
    });
  }
  while (running > 0) {
    purge_everything();
    retreat();
    EXPECT_LE(figures_of(one).live_bytes, figures_of(one).peak_bytes);
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& slot : handed) {
    if (unsigned char* const block = slot.exchange(nullptr)) check_and_free(block);
  }
  EXPECT_EQ(figures_of(one).live_blocks + figures_of(other).live_blocks, 0u);
}

// Each thread with heaps of its own, which come and go.
TEST(Heap, HeapsComeAndGoInManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 100; ++i) {
        strata_heap* const heap = strata_heap_create("passing", kMiB);
        for (int k = 0; k < 200; ++k) {
          void* const block = strata_heap_alloc(heap, static_cast<std::size_t>(k * 10 + t));
          ASSERT_NE(block, nullptr);
          std::memset(block, t, static_cast<std::size_t>(k * 10 + t));
        }
        if (i % 2 == 0) strata_heap_reset(heap);
        strata_heap_destroy(heap);
      }
      cache.end();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

#if !defined(__SANITIZE_THREAD__)
// That sanitizer follows no fork of a threaded program.
TEST(Heap, AForkedChildHasTheHeapsAsTheyWere) {
  const Scoped heap;
  void* const block = strata_heap_alloc(heap, 100);
  std::memset(block, 9, 100);
  std::atomic<bool> ends{false};
  std::thread busy([&] {
    while (!ends) {
      strata_heap_free(heap, strata_heap_alloc(heap, 200));
      strata_heap_destroy(strata_heap_create("brief", 1));
    }
    cache.end();
  });
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(60);
      bool holds = static_cast<char*>(block)[99] == 9;
      for (int k = 0; k < 500; ++k) holds = holds && strata_heap_alloc(heap, 200) != nullptr;
      strata_heap_free(heap, block);
      strata_heap_reset(heap);
      holds = holds && figures_of(heap).live_blocks == 0;
      strata_heap* const own = strata_heap_create("own", STRATA_NO_LIMIT);
      holds = holds && strata_heap_alloc(own, 1) != nullptr;
      strata_heap_destroy(own);
      _exit(holds ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  ends = true;
  busy.join();
  EXPECT_EQ(static_cast<char*>(block)[99], 9);
}
#endif

}  // namespace
}  // namespace strata::alloc
