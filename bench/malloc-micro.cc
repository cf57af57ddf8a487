// bench/malloc-micro.cc - what single operations of malloc cost; run by bench/malloc-micro.sh under
// each allocator, since the one that is preloaded is the one that is measured.
//   malloc-micro [NAME|list]
// Output  a line an operation: NAME NANOSECONDS of CPU time, the best of several short batches, so
// that
//         what else the machine does counts little. pass-* have a line by the clock on the wall
//         too.
// Every block's first byte is written, as its user would; a name says what else is touched.
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "bench/bare-list.h"

namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;
constexpr int kBatches = 7;

double now_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// Writes where the compiler cannot see it, so it keeps the allocation too.
void touch(void* memory) { *static_cast<volatile char*>(memory) = 1; }

struct Random {
  std::uint64_t state = 88172645463325252;
  std::uint64_t below(std::uint64_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
  }
};

/// Runs `batch`, which says how many operations it made, and prints the least time of one.
template <typename Batch>
void measure(const char* name, Batch batch) {
  constexpr clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
  batch();
  double best = 1e30;
  for (int i = 0; i < kBatches; ++i) {
    const double start = now_ns(clock);
    const std::size_t operations = batch();
    best = std::min(best, (now_ns(clock) - start) / static_cast<double>(operations));
  }
  std::printf("%s %.2f\n", name, best);
}

void bare_pair() {
  alignas(16) static char block[64];
  bare_give(block);
  measure("bare-list", [] {
    for (int i = 0; i < 1'000'000; ++i) {
      void* const memory = bare_take();
      touch(memory);
      bare_give(memory);
    }
    return std::size_t{1'000'000};
  });
}

void pair(const char* name, std::size_t size, std::size_t operations) {
  measure(name, [=] {
    for (std::size_t i = 0; i < operations; ++i) {
      void* const memory = malloc(size);
      touch(memory);
      free(memory);
    }
    return operations;
  });
}

void calloc_pair(const char* name, std::size_t size, std::size_t operations) {
  measure(name, [=] {
    for (std::size_t i = 0; i < operations; ++i) {
      void* const memory = calloc(1, size);
      touch(memory);
      free(memory);
    }
    return operations;
  });
}

void aligned_pair(const char* name, std::size_t alignment, std::size_t size) {
  measure(name, [=] {
    for (int i = 0; i < 200'000; ++i) {
      void* const memory = aligned_alloc(alignment, size);
      touch(memory);
      free(memory);
    }
    return std::size_t{200'000};
  });
}

/// 256 blocks of 64 bytes taken, then freed in the order that `order` says.
template <typename Order>
void batch(const char* name, Order order) {
  measure(name, [=] {
    void* blocks[256];
    for (int round = 0; round < 500; ++round) {
      for (void*& block : blocks) touch(block = malloc(64));
      for (std::size_t i = 0; i < 256; ++i) free(blocks[order(i)]);
    }
    return std::size_t{500 * 256};
  });
}

/// 1,000 blocks live, each of a size at random; one at random is replaced.
void mixed(const char* name, std::size_t least, std::size_t most) {
  static void* blocks[1000];
  measure(name, [=] {
    Random random;
    for (int i = 0; i < 100'000; ++i) {
      void*& block = blocks[random.below(1000)];
      free(block);
      touch(block = malloc(least + random.below(most - least + 1)));
    }
    return std::size_t{100'000};
  });
  for (void*& block : blocks) free(std::exchange(block, nullptr));
}

/// One thread takes blocks, another frees them; 64 at a time pass through a ring of 64 places. Who
/// finds it empty or full sleeps, so the processor's time is that of the work.
void pass(const char* name, std::size_t size) {
  constexpr unsigned kRounds = 4000;
  constexpr unsigned kPlaces = 64;
  static void* ring[kPlaces][64];
  double best_cpu = 1e30, best_wall = 1e30;
  for (int i = 0; i <= kBatches; ++i) {
    const double cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID), wall = now_ns(CLOCK_MONOTONIC);
    std::atomic<unsigned> made{0}, freed{0};
    std::thread other([&] {
      for (unsigned round = 0; round < kRounds; ++round) {
        made.wait(round, std::memory_order_acquire);
        for (void* block : ring[round % kPlaces]) free(block);
        freed.store(round + 1, std::memory_order_release);
        freed.notify_one();
      }
    });
    for (unsigned round = 0; round < kRounds; ++round) {
      if (round >= kPlaces) freed.wait(round - kPlaces, std::memory_order_acquire);
      for (void*& block : ring[round % kPlaces]) touch(block = malloc(size));
      made.store(round + 1, std::memory_order_release);
      made.notify_one();
    }
    other.join();
    if (i == 0) continue;
    best_cpu = std::min(best_cpu, now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    best_wall = std::min(best_wall, now_ns(CLOCK_MONOTONIC) - wall);
  }
  std::printf("%s %.2f\n%s-wall %.2f\n", name, best_cpu / (kRounds * 64), name,
              best_wall / (kRounds * 64));
}

/// Every page of a large block is written once.
void large_touched(const char* name, std::size_t size) {
  measure(name, [=] {
    for (int i = 0; i < 4; ++i) {
      auto* const memory = static_cast<char*>(malloc(size));
      for (std::size_t at = 0; at < size; at += 4096) touch(memory + at);
      free(memory);
    }
    return std::size_t{4};
  });
}

/// A buffer grows from 64 KiB to 64 MiB; what it gains is written, as by one who reads a stream
/// into it.
template <typename Next>
void growing(const char* name, Next next) {
  measure(name, [=] {
    std::size_t steps = 0;
    std::size_t size = 64 * kKiB;
    auto* memory = static_cast<char*>(malloc(size));
    for (std::size_t at = 0; at < size; at += 4096) touch(memory + at);
    while (size < 64 * kMiB) {
      const std::size_t larger = next(size);
      memory = static_cast<char*>(realloc(memory, larger));
      for (std::size_t at = size; at < larger; at += 4096) touch(memory + at);
      size = larger;
      ++steps;
    }
    free(memory);
    return steps;
  });
}

/// 200,000 blocks of 64 bytes are taken, and freed in an order in which each is cold.
void cold() {
  constexpr std::size_t kBlocks = 200'000;
  static void* blocks[kBlocks];
  double taking = 1e30, freeing = 1e30;
  Random random;
  for (int i = 0; i < kBatches; ++i) {
    const double start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (void*& block : blocks) touch(block = malloc(64));
    taking = std::min(taking, now_ns(CLOCK_PROCESS_CPUTIME_ID) - start);
    for (std::size_t at = kBlocks - 1; at > 0; --at)
      std::swap(blocks[at], blocks[random.below(at + 1)]);
    const double middle = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (void* block : blocks) free(block);
    freeing = std::min(freeing, now_ns(CLOCK_PROCESS_CPUTIME_ID) - middle);
  }
  std::printf("cold-take-64 %.2f\ncold-free-64 %.2f\n", taking / kBlocks, freeing / kBlocks);
}

struct Operation {
  const char* name;
  void (*run)(const char* name);
};

constexpr Operation kOperations[] = {
    {"bare-list", [](const char*) { bare_pair(); }},
    {"pair-16", [](const char* name) { pair(name, 16, 1'000'000); }},
    {"pair-64", [](const char* name) { pair(name, 64, 1'000'000); }},
    {"pair-256", [](const char* name) { pair(name, 256, 1'000'000); }},
    {"pair-1K", [](const char* name) { pair(name, kKiB, 1'000'000); }},
    {"pair-4K", [](const char* name) { pair(name, 4 * kKiB, 200'000); }},
    {"pair-16K", [](const char* name) { pair(name, 16 * kKiB, 200'000); }},
    {"pair-64K", [](const char* name) { pair(name, 64 * kKiB, 200'000); }},
    {"pair-256K", [](const char* name) { pair(name, 256 * kKiB, 5'000); }},
    {"pair-1M", [](const char* name) { pair(name, kMiB, 2'000); }},
    {"pair-8M", [](const char* name) { pair(name, 8 * kMiB, 500); }},
    {"pair-8M-all-pages", [](const char* name) { large_touched(name, 8 * kMiB); }},
    {"batch-64-in-order", [](const char* name) { batch(name, [](std::size_t i) { return i; }); }},
    {"batch-64-reversed",
     [](const char* name) { batch(name, [](std::size_t i) { return 255 - i; }); }},
    // 97 is odd, so every index comes once.
    {"batch-64-scattered",
     [](const char* name) { batch(name, [](std::size_t i) { return i * 97 % 256; }); }},
    {"cold-64", [](const char*) { cold(); }},
    {"mixed-16-to-1K", [](const char* name) { mixed(name, 16, kKiB); }},
    {"mixed-1K-to-32K", [](const char* name) { mixed(name, kKiB, 32 * kKiB); }},
    {"mixed-32K-to-1M", [](const char* name) { mixed(name, 32 * kKiB, kMiB); }},
    {"calloc-64", [](const char* name) { calloc_pair(name, 64, 1'000'000); }},
    {"calloc-1K", [](const char* name) { calloc_pair(name, kKiB, 200'000); }},
    {"calloc-16K", [](const char* name) { calloc_pair(name, 16 * kKiB, 50'000); }},
    {"calloc-256K", [](const char* name) { calloc_pair(name, 256 * kKiB, 2'000); }},
    {"calloc-4M", [](const char* name) { calloc_pair(name, 4 * kMiB, 100); }},
    {"aligned-256-of-256", [](const char* name) { aligned_pair(name, 256, 256); }},
    {"aligned-4K-of-4K", [](const char* name) { aligned_pair(name, 4 * kKiB, 4 * kKiB); }},
    {"grow-by-64K",
     [](const char* name) { growing(name, [](std::size_t size) { return size + 64 * kKiB; }); }},
    {"grow-by-doubling",
     [](const char* name) { growing(name, [](std::size_t size) { return 2 * size; }); }},
    {"pass-64", [](const char* name) { pass(name, 64); }},
    {"pass-1K", [](const char* name) { pass(name, kKiB); }},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "list") == 0) {
    for (const Operation& operation : kOperations) std::printf("%s\n", operation.name);
    return 0;
  }
  bool known = false;
  for (const Operation& operation : kOperations) {
    if (argc > 1 && std::strcmp(argv[1], operation.name) != 0) continue;
    known = true;
    operation.run(operation.name);
  }
  if (known) return 0;
  std::fprintf(stderr, "malloc-micro: there is no %s; `malloc-micro list` names them\n", argv[1]);
  return 2;
}
