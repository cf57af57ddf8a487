#include "malloc/lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace strata::alloc {
namespace {

/// What another thread finds.
bool is_free(Lock& lock) {
  bool is = false;
  std::thread([&] {
    is = lock.try_lock();
    if (is) lock.unlock();
  }).join();
  return is;
}

TEST(Lock, OneHoldsItAtATime) {
  Lock lock;
  std::uint64_t count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        const Hold hold(lock);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 80'000u);
  EXPECT_TRUE(is_free(lock));
}

TEST(Lock, AForkTakesWhatIsFreeAndGivesItBack) {
  Lock lock;
  EXPECT_FALSE(lock.claim());
  EXPECT_FALSE(lock.is_amid_fork());
  EXPECT_FALSE(is_free(lock));
  lock.leave();
  EXPECT_TRUE(is_free(lock));
  EXPECT_FALSE(lock.claim());
  lock.leave_in_child(this_thread());
  EXPECT_TRUE(is_free(lock));
}

// Forks in handlers of signals that came while it was held, one within the other.
TEST(Lock, AForkPassesOverWhatItsThreadHolds) {
  Lock lock;
  ASSERT_TRUE(lock.lock());
  EXPECT_TRUE(lock.claim());
  EXPECT_TRUE(lock.claim());
  lock.leave();
  EXPECT_TRUE(lock.is_amid_fork());
  EXPECT_FALSE(is_free(lock));
  lock.leave();
  EXPECT_FALSE(lock.is_amid_fork());
  EXPECT_FALSE(is_free(lock));
  lock.unlock();
  EXPECT_TRUE(is_free(lock));
}

TEST(Lock, WhoWaitsIsWokenAfterAFork) {
  Lock lock;
  ASSERT_TRUE(lock.lock());
  std::atomic<bool> comes{false}, has{false};
  std::thread other([&] {
    comes = true;
    const Hold hold(lock);
    has = true;
  });
  while (!comes) std::this_thread::yield();
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(lock.claim());
    std::this_thread::yield();
    lock.leave();
    EXPECT_FALSE(has);
  }
  lock.unlock();
  other.join();
  EXPECT_TRUE(has);
}

// The child's thread has another number, and goes on with what it held.
TEST(Lock, InAChildItIsStillHeld) {
  Lock lock;
  ASSERT_TRUE(lock.lock());
  EXPECT_TRUE(lock.claim());
  const std::uint32_t number = this_thread();
  lock.leave_in_child(number + 1);
  EXPECT_FALSE(lock.is_amid_fork());
  EXPECT_FALSE(is_free(lock));
  thread_number = number + 1;
  EXPECT_TRUE(lock.claim());
  lock.leave();
  thread_number = number;
  lock.unlock();
  EXPECT_TRUE(is_free(lock));
}

}  // namespace
}  // namespace strata::alloc
