#include "malloc/biased_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace strata::alloc {
namespace {

/// Not atomic: who is not alone is seen, by the sum or by a sanitizer.
struct Counted {
  BiasedLock lock;
  std::uint64_t entered = 0, twice = 0;
  void count(BiasedLock::Way way) {
    const Inside inside(lock, way);
    ++entered;
    twice = entered * 2;
  }
};

TEST(BiasedLock, WhoComesAgainIsFavoured) {
  Counted counted;
  counted.count(counted.lock.enter());
  const BiasedLock::Way way = counted.lock.enter();
  EXPECT_NE(way, BiasedLock::Way::kPassed);
  counted.count(way);
  // Another takes the favour, if there is any, and has it then.
  std::thread([&] {
    EXPECT_EQ(counted.lock.enter(), BiasedLock::Way::kLocked);
    counted.lock.leave(BiasedLock::Way::kLocked);
    const BiasedLock::Way again = counted.lock.enter();
    EXPECT_EQ(again < BiasedLock::Way::kVisited, way < BiasedLock::Way::kVisited);
    counted.count(again);
    // Who looks in leaves it as it is for who has it.
    const BiasedLock::Way visited = counted.lock.visit();
    EXPECT_EQ(visited, again < BiasedLock::Way::kVisited ? again : BiasedLock::Way::kVisited);
    counted.count(visited);
  }).join();
  const BiasedLock::Way visited = counted.lock.visit();
  EXPECT_EQ(visited, BiasedLock::Way::kVisited);
  counted.count(visited);
  EXPECT_EQ(counted.entered, 5u);
}

// More often than there are turns.
TEST(BiasedLock, VisitsAndForksLeaveTheFavour) {
  Counted counted;
  counted.count(counted.lock.enter());
  const BiasedLock::Way way = counted.lock.enter();
  counted.count(way);
  for (int i = 0; i < 20; ++i) {
    std::thread([&] {
      counted.count(counted.lock.visit());
      if (counted.lock.claim()) BiasedLock::pass_barrier();
      counted.lock.await();
      counted.lock.leave_claimed();
    }).join();
    const BiasedLock::Way again = counted.lock.enter();
    EXPECT_EQ(again, way);
    counted.count(again);
  }
  EXPECT_EQ(counted.entered, 42u);
}

// In a signal's handler: neither waits for itself, and it goes on inside, in parent and child.
TEST(BiasedLock, WhoForksInsideStaysInside) {
  Counted counted;
  counted.count(counted.lock.enter());
  for (int is_child = 0; is_child < 2; ++is_child) {
    const BiasedLock::Way way = counted.lock.enter();
    if (counted.lock.claim()) BiasedLock::pass_barrier();
    counted.lock.await();
    if (is_child != 0) {
      counted.lock.leave_in_child(this_thread());
    } else {
      counted.lock.leave_claimed();
    }
    std::atomic<bool> is_inside{true};
    std::thread other([&] {
      const Inside inside(counted.lock);
      EXPECT_FALSE(is_inside);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    is_inside = false;
    counted.lock.leave(way);
    other.join();
  }
}

// Who is favoured and inside is waited for.
TEST(BiasedLock, TheFavouriteIsNotDisturbed) {
  BiasedLock lock;
  lock.leave(lock.enter());
  const BiasedLock::Way way = lock.enter();
  std::atomic<bool> is_inside{true}, comes{false};
  std::thread other([&] {
    comes = true;
    const Inside inside(lock);
    EXPECT_FALSE(is_inside);
  });
  while (!comes) std::this_thread::yield();
  // Long enough for who does not wait; whoever waits does so however long it takes.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  is_inside = false;
  lock.leave(way);
  other.join();
}

// A favourite that is at it while another comes, over and over.
TEST(BiasedLock, OneOfTwoThatMeetIsFirst) {
  constexpr int kLocks = 1000;
  struct Met {
    BiasedLock lock;
    std::atomic<int> inside{0};
  };
  static Met met[kLocks];
  std::atomic<int> at{0}, wrong{0};
  const auto pass = [&](Met& here) {
    const Inside inside(here.lock);
    wrong += here.inside.load(std::memory_order_relaxed) != 0;
    here.inside.store(1, std::memory_order_relaxed);
    for (int i = 0; i < 3; ++i) wrong += here.inside.load(std::memory_order_relaxed) != 1;
    here.inside.store(0, std::memory_order_relaxed);
  };
  std::thread favourite([&] {
    for (int i = 0; i < kLocks; ++i) {
      while (at.load(std::memory_order_relaxed) == i) pass(met[i]);
    }
  });
  for (int i = 0; i < kLocks; ++i) {
    for (int turn = 0; turn < 4; ++turn) {
      pass(met[i]);
      for (int k = 0; k < i % 64; ++k) std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    ++at;
  }
  favourite.join();
  EXPECT_EQ(wrong, 0);
}

TEST(BiasedLock, OneAtATimeIsInside) {
  constexpr int kThreads = 3, kLocks = 200, kEntries = 300;
  static Counted counted[kLocks];
  std::atomic<std::uint64_t> entered{0};
  std::vector<std::thread> threads;
  // Each lock begins with a favourite that is at it when the others come.
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kLocks; ++i) {
        for (int k = 0; k < kEntries; ++k) {
          BiasedLock& lock = counted[i].lock;
          counted[i].count(t == 0 && k % 32 == 0 ? lock.visit() : lock.enter());
          ++entered;
        }
      }
    });
  }
  std::atomic<bool> ends{false};
  std::thread forks([&] {
    while (!ends) {
      bool had = false;
      for (Counted& of : counted) had = of.lock.claim() || had;
      if (had) BiasedLock::pass_barrier();
      for (Counted& of : counted) of.lock.await();
      std::uint64_t before = 0, after = 0;
      for (Counted& of : counted) before += of.entered;
      std::this_thread::yield();
      for (Counted& of : counted) after += of.entered;
      EXPECT_EQ(before, after);
      for (Counted& of : counted) of.lock.leave_claimed();
      std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads) thread.join();
  ends = true;
  forks.join();
  std::uint64_t sum = 0;
  for (Counted& of : counted) {
    sum += of.entered;
    EXPECT_EQ(of.twice, of.entered * 2);
  }
  EXPECT_EQ(sum, entered);
  EXPECT_EQ(sum, std::uint64_t{kThreads} * kLocks * kEntries);
}

TEST(BiasedLock, WhoHoldsAllLocksPasses) {
  Counted counted;
  counted.lock.claim();
  ++forks_under_way;
  EXPECT_EQ(counted.lock.enter(), BiasedLock::Way::kPassed);
  counted.lock.leave(BiasedLock::Way::kPassed);
  EXPECT_EQ(counted.lock.visit(), BiasedLock::Way::kPassed);
  --forks_under_way;
  counted.lock.leave_claimed();
  counted.count(counted.lock.enter());
  EXPECT_EQ(counted.entered, 1u);
}

}  // namespace
}  // namespace strata::alloc
