#include "malloc/page_heap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "malloc/os.h"

namespace strata::alloc {
namespace {

constexpr std::size_t kBytes = std::size_t{1} << 30;

class PageHeapTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::uintptr_t place = os::find_place(kBytes + PageHeap::beside(kBytes));
    ASSERT_NE(place, 0u);
    heap_.place(place, kBytes, place + kBytes);
  }
  void TearDown() override {
    heap_.retreat();
    const std::uintptr_t start = heap_.end() - kBytes;
    os::unmap(reinterpret_cast<void*>(start), kBytes + PageHeap::beside(kBytes));
  }

  PageHeap heap_;
};

// Every live block bears its own number at both ends, and lies beside all others.
TEST_F(PageHeapTest, agrees_with_a_model) {
  struct Block {
    std::size_t bytes;
    std::uint64_t number;
  };
  std::map<char*, Block> live;
  std::minstd_rand random(11);
  std::uint64_t numbers = 0;
  const auto mark = [&](char* at, Block block) {
    std::memcpy(at, &block.number, 8);
    std::memcpy(at + block.bytes - 8, &block.number, 8);
  };
  const auto check = [&](char* at, Block block) {
    ASSERT_EQ(std::memcmp(at, &block.number, 8), 0);
    ASSERT_EQ(std::memcmp(at + block.bytes - 8, &block.number, 8), 0);
    ASSERT_GE(heap_.size_of(at), block.bytes);
  };
  const auto put = [&](char* at, std::size_t bytes) {
    const auto next = live.lower_bound(at);
    if (next != live.end()) ASSERT_LE(at + heap_.size_of(at), next->first);
    if (next != live.begin()) {
      const auto before = std::prev(next);
      ASSERT_LE(before->first + heap_.size_of(before->first), at);
    }
    const Block block{bytes, ++numbers};
    mark(at, block);
    live.emplace(at, block);
  };
  for (int i = 0; i < 30'000; ++i) {
    const std::size_t bytes = 32'769 + random() % (random() % 10 == 0 ? 8'000'000 : 200'000);
    const auto what = random() % 10;
    if (what < 4 || live.empty()) {
      const std::size_t alignment = random() % 8 == 0 ? os::kPage << random() % 8 : 1;
      const bool zero = random() % 4 == 0;
      auto* const at = static_cast<char*>(heap_.take(
          bytes, alignment, zero ? PageHeap::Contents::kZero : PageHeap::Contents::kAny));
      if (at == nullptr) continue;
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % std::max(alignment, os::kPage), 0u);
      if (zero) {
        ASSERT_EQ(at[0], 0);
        ASSERT_EQ(at[bytes / 2], 0);
        ASSERT_EQ(at[bytes - 1], 0);
      }
      put(at, bytes);
      continue;
    }
    auto at = live.lower_bound(live.begin()->first + random() % kBytes);
    if (at == live.end()) at = live.begin();
    const auto [block, was] = *at;
    check(block, was);
    if (what < 8) {
      live.erase(at);
      ASSERT_TRUE(heap_.give(block));
      ASSERT_FALSE(heap_.give(block)) << "freed twice";
      ASSERT_EQ(heap_.size_of(block), 0u);
    } else if (what == 8) {
      auto* const moved = static_cast<char*>(heap_.resize(block, bytes));
      if (moved == nullptr) continue;
      ASSERT_EQ(std::memcmp(moved, &was.number, 8), 0);
      live.erase(at);
      put(moved, bytes);
    } else if (random() % 20 == 0) {
      heap_.purge_some(random() % 2 == 0 ? heap_.end_period() : random() % 10'000'000);
    } else if (random() % 50 == 0) {
      heap_.retreat();
    }
  }
  for (const auto& [block, was] : live) {
    check(block, was);
    ASSERT_TRUE(heap_.give(block));
  }
  heap_.purge_some(kBytes);
  EXPECT_EQ(heap_.dirty_bytes(), 0u);
}

// The kernel refuses to move what is not all mapped, and some kernels have unmapped the place by
// then.
TEST_F(PageHeapTest, goes_on_where_pages_cannot_be_moved) {
  constexpr std::size_t kBlock = std::size_t{1} << 20;
  auto* const block = static_cast<char*>(heap_.take(kBlock, 1, PageHeap::Contents::kAny));
  void* const behind = heap_.take(kBlock, 1, PageHeap::Contents::kAny);
  ASSERT_NE(behind, nullptr);
  os::unmap(block, os::kPage);
  EXPECT_EQ(heap_.resize(block, 2 * kBlock), nullptr);
  EXPECT_GE(heap_.size_of(block), kBlock);
  ASSERT_TRUE(os::renew(block, os::kPage));
  void* const next = heap_.take(2 * kBlock, 1, PageHeap::Contents::kZero);
  ASSERT_NE(next, nullptr);
  std::memset(next, 1, 2 * kBlock);
  for (void* each : {static_cast<void*>(block), behind, next}) EXPECT_TRUE(heap_.give(each));
}

TEST_F(PageHeapTest, shrinks_what_was_moved) {
  constexpr std::size_t kBlock = std::size_t{1} << 20;
  auto* block = static_cast<char*>(heap_.take(kBlock, 1, PageHeap::Contents::kAny));
  void* const behind = heap_.take(kBlock, 1, PageHeap::Contents::kAny);
  std::memset(block, 7, kBlock);
  block = static_cast<char*>(heap_.resize(block, 4 * kBlock));
  if (block == nullptr) GTEST_SKIP() << "pages cannot be moved here; Linux 5.7 can";
  ASSERT_EQ(heap_.resize(block, kBlock / 2), block);
  EXPECT_EQ(block[kBlock / 2 - 1], 7);
  auto* const zero = static_cast<char*>(heap_.take(3 * kBlock, 1, PageHeap::Contents::kZero));
  for (std::size_t i = 0; i < 3 * kBlock; i += 512) ASSERT_EQ(zero[i], 0) << i;
  for (void* each : {static_cast<void*>(block), behind, static_cast<void*>(zero)}) {
    EXPECT_TRUE(heap_.give(each));
  }
}

TEST_F(PageHeapTest, knows_its_blocks_from_all_else) {
  auto* const block = static_cast<char*>(heap_.take(100'000, 1, PageHeap::Contents::kAny));
  ASSERT_NE(block, nullptr);
  for (char* other : {block + 1, block + 16, block + os::kPage, block - os::kPage}) {
    EXPECT_EQ(heap_.size_of(other), 0u);
    EXPECT_FALSE(heap_.give(other));
  }
  EXPECT_TRUE(heap_.give(block));
}

}  // namespace
}  // namespace strata::alloc
