#include "malloc/unwind.h"

#include <alloca.h>
#include <execinfo.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "malloc/frame_rules.h"

namespace strata::alloc {
namespace {

constexpr int kMost = 64;

struct Stacks {
  std::uint64_t ours[kMost];
  void* theirs[kMost];
  std::size_t our_depth;
  int their_depth;
};
thread_local Stacks seen;

/// The same stack by two unwinders; they are called from two places of one function.
[[gnu::noinline]] void look() {
  seen.our_depth = capture_stack(seen.ours, kMost);
  seen.their_depth = backtrace(seen.theirs, kMost);
}

// A sanitizer may stand between us and backtrace(3), with a frame of its own.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int kFramesBetween = 1;
#else
constexpr int kFramesBetween = 0;
#endif

void expect_alike(int at_least) {
  ASSERT_GE(seen.their_depth, at_least);
  const int depth = static_cast<int>(seen.our_depth), more = seen.their_depth - depth;
  ASSERT_GE(more, 0);
  ASSERT_LE(more, kFramesBetween);
  for (int i = 1; i < depth; ++i) {
    EXPECT_EQ(seen.ours[i], reinterpret_cast<std::uintptr_t>(seen.theirs[i + more])) << i;
  }
}

[[gnu::noinline, gnu::optimize("omit-frame-pointer")]] unsigned descend(unsigned depth, unsigned a,
                                                                        unsigned b) {
  if (depth == 0) {
    look();
    return a;
  }
  return descend(depth - 1, b, a + depth) * 3 + a - b;
}

TEST(Unwind, FramesWithoutPointersAreLeft) {
  for (int again = 0; again < 2; ++again) {
    volatile unsigned result = descend(20, 1, 2);
    static_cast<void>(result);
    expect_alike(22);
  }
}

TEST(Unwind, ADeepStackIsCutAtItsOuterEnd) {
  volatile unsigned result = descend(200, 1, 2);
  static_cast<void>(result);
  EXPECT_EQ(seen.our_depth, kMost);
  EXPECT_EQ(seen.their_depth, kMost);
  EXPECT_EQ(seen.ours[kMost - 1], reinterpret_cast<std::uintptr_t>(seen.theirs[kMost - 1]));
}

[[gnu::noinline]] void with_room(std::size_t bytes) {
  auto* const room = static_cast<char*>(alloca(bytes));
  memset(room, 1, bytes);
  look();
  asm volatile("" : : "r"(room) : "memory");
}
[[gnu::noinline]] void aligned_with_room(std::size_t bytes) {
  alignas(128) volatile char line[128] = {};
  with_room(bytes + static_cast<std::size_t>(line[0]));
  asm volatile("" : : "r"(line) : "memory");
}

// Its address is not a register and an offset, but an expression.
TEST(Unwind, AFrameThatAlignsItselfIsLeft) {
  for (const std::size_t bytes : {1, 100, 5000}) {
    aligned_with_room(bytes);
    expect_alike(4);
  }
}

int compare(const void* a, const void* b) {
  look();
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

TEST(Unwind, FramesOfTheCLibraryAreLeft) {
  int numbers[] = {3, 1, 2};
  qsort(numbers, 3, sizeof(int), compare);
  expect_alike(4);
}

void on_signal(int) { look(); }

TEST(Unwind, ASignalsFrameIsLeftAlsoFromAStackOfItsOwn) {
  static char own_stack[256 << 10];
  for (const int flags : {0, SA_ONSTACK}) {
    stack_t stack{};
    stack.ss_sp = own_stack;
    stack.ss_size = sizeof own_stack;
    ASSERT_EQ(sigaltstack(&stack, nullptr), 0);
    struct sigaction action{}, before{};
    action.sa_handler = on_signal;
    action.sa_flags = flags;
    ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
    raise(SIGUSR1);
    sigaction(SIGUSR1, &before, nullptr);
    expect_alike(5);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, nullptr);
  }
}

TEST(Unwind, AThreadsStackEndsWhereItBegan) {
  std::thread([] {
    look();
    expect_alike(3);
    EXPECT_LT(seen.our_depth, 20u);
  }).join();
}

TEST(Unwind, ThreadsRememberFramesTogether) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 2000; ++i) {
        std::uint64_t callers[8];
        ASSERT_GE(capture_stack(callers, 8), 3u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Unwind, AnExpressionOfAnyBytesEnds) {
  std::minstd_rand random(7);
  std::uint64_t registers[machine::kRegisters];
  std::size_t succeeded = 0;
  for (int i = 0; i < 50'000; ++i) {
    unsigned char bytes[24];
    for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random());
    bytes[0] = static_cast<unsigned char>(random() % 20);
    for (std::uint64_t& value : registers) {
      value = random() % 2 == 0 ? reinterpret_cast<std::uintptr_t>(bytes) : random();
    }
    Probe probe;
    std::uint64_t result = 0;
    succeeded +=
        evaluate(reinterpret_cast<std::uintptr_t>(bytes), registers, random(), probe, result);
  }
  EXPECT_GT(succeeded, 100u);
}

// .plt's: the stack pointer and 8, and 8 more from the middle of an entry on.
TEST(Unwind, TheExpressionOfALinkersStubIsUnderstood) {
  if (!machine::kHasTables) GTEST_SKIP();
  const unsigned char bytes[] = {11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};
  std::uint64_t registers[machine::kRegisters] = {};
  registers[machine::kStack] = 1000;
  for (const unsigned at : {0x1000, 0x100a, 0x100b, 0x100f}) {
    registers[machine::kReturn] = at;
    Probe probe;
    std::uint64_t result = 0;
    ASSERT_TRUE(evaluate(reinterpret_cast<std::uintptr_t>(bytes), registers, 0, probe, result));
    EXPECT_EQ(result, at % 16 >= 11 ? 1016u : 1008u);
  }
}

TEST(Unwind, MemoryThatIsNotThereIsNotRead) {
  Probe probe;
  std::uint64_t word = 0;
  for (const std::uintptr_t at : {std::uintptr_t{0}, std::uintptr_t{8}, std::uintptr_t{4096},
                                  ~std::uintptr_t{7}, std::uintptr_t{1} << 63}) {
    EXPECT_FALSE(probe.read(at, word)) << at;
  }
  EXPECT_TRUE(probe.read(reinterpret_cast<std::uintptr_t>(&word), word));
}

/// This program's image, copied, so that any byte of its tables can be another.
class Image {
 public:
  Image() {
    const auto here = reinterpret_cast<std::uintptr_t>(&look);
    if (!find_module(here, own_)) return;
    bytes_.resize(own_.end - own_.start);
    Probe probe;
    for (std::size_t i = 0; i + 8 <= bytes_.size(); i += 8) {
      std::uint64_t word = 0;
      if (probe.read(own_.start + i, word)) memcpy(&bytes_[i], &word, sizeof word);
    }
    pc_ = here - own_.start + 4;
  }
  bool is_there() const { return own_.table != 0; }
  std::vector<unsigned char>& bytes() { return bytes_; }
  std::size_t table() const { return own_.table - own_.start; }

  bool find(FrameRules& rules, std::size_t pc) {
    const auto start = reinterpret_cast<std::uintptr_t>(bytes_.data());
    Probe probe;
    return find_rules(start + pc, {start, start + bytes_.size(), start + table()}, probe, rules);
  }
  std::size_t pc() const { return pc_; }

 private:
  LoadedModule own_{};
  std::vector<unsigned char> bytes_;
  std::size_t pc_ = 0;
};

TEST(Unwind, TablesThatLieAreNoHarm) {
  if (!machine::kHasTables) GTEST_SKIP();
  Image image;
  ASSERT_TRUE(image.is_there());
  FrameRules rules;
  ASSERT_TRUE(image.find(rules, image.pc()));
  std::minstd_rand random(3);
  std::size_t refused = 0;
  const std::vector<unsigned char> honest = image.bytes();
  for (int i = 0; i < 3000; ++i) {
    std::vector<std::size_t> changed;
    // The head, or the tables behind it.
    const std::size_t room = honest.size() - image.table();
    for (int n = 0; n < 40; ++n) {
      const std::size_t at = n < 2 ? random() % 16 : random() % room;
      changed.push_back(image.table() + at);
      image.bytes()[changed.back()] = static_cast<unsigned char>(random());
    }
    for (int n = 0; n < 4; ++n) refused += !image.find(rules, random() % image.table());
    for (const std::size_t at : changed) image.bytes()[at] = honest[at];
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_TRUE(image.find(rules, image.pc()));
}

}  // namespace
}  // namespace strata::alloc
