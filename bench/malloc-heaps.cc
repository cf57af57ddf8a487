// bench/malloc-heaps.cc - what named heaps cost beside malloc() and the C++ library's pools:
//   LD_PRELOAD=…/libstrata-malloc.so malloc-heaps [BYTES]
// Output  a line an operation: NAME NANOSECONDS of CPU time, the best of several batches; reset-…
//         and free-… of a million blocks are in microseconds.
// Every block's first byte is written. The pools of C++ take their memory from the same malloc.
#include <strata/memory_resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory_resource>
#include <thread>
#include <vector>

#pragma weak strata_heap_create
#pragma weak strata_heap_alloc
#pragma weak strata_heap_aligned_alloc
#pragma weak strata_heap_free
#pragma weak strata_heap_reset
#pragma weak strata_heap_destroy
#pragma weak strata_pool_create
#pragma weak strata_pool_alloc

namespace {

constexpr int kBatches = 7;
constexpr std::size_t kMany = 1'000'000;

double now_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

void touch(void* memory) { *static_cast<volatile char*>(memory) = 1; }

void report(const char* name, double best) { std::printf("%-24s %9.2f\n", name, best); }

template <class Take, class Give>
void pairs(const char* name, Take take, Give give) {
  double best = 1e30;
  for (int i = 0; i < kBatches; ++i) {
    const double start = now_ns();
    for (std::size_t k = 0; k < kMany; ++k) {
      void* const block = take();
      touch(block);
      give(block);
    }
    best = std::min(best, (now_ns() - start) / kMany);
  }
  report(name, best);
}

/// A million blocks, then all of them gone.
template <class Take, class Empty>
void filled(const char* fills, const char* empties, Take take, Empty empty) {
  std::vector<void*> blocks(kMany);
  double best_fill = 1e30, best_empty = 1e30;
  for (int i = 0; i < kBatches; ++i) {
    const double start = now_ns();
    for (void*& block : blocks) touch(block = take());
    const double middle = now_ns();
    empty(blocks);
    best_fill = std::min(best_fill, (middle - start) / kMany);
    best_empty = std::min(best_empty, (now_ns() - middle) / 1e3);
  }
  report(fills, best_fill);
  report(empties, best_empty);
}

/// Two threads at one heap all the time: what a pair costs them together.
void shared(strata_heap* heap, std::size_t size) {
  constexpr std::size_t kLong = 10 * kMany;  // so that they meet on a busy machine too
  const auto work = [=] {
    for (std::size_t k = 0; k < kLong; ++k) {
      void* const block = strata_heap_alloc(heap, size);
      touch(block);
      strata_heap_free(heap, block);
    }
  };
  const double start = now_ns();
  std::thread other(work);
  work();
  other.join();
  report("heap-pair-two-threads", (now_ns() - start) / (2 * kLong));
}

}  // namespace

int main(int argc, char** argv) {
  if (strata_heap_create == nullptr) {
    std::fprintf(stderr, "malloc-heaps: preload libstrata-malloc.so, which has named heaps\n");
    return 2;
  }
  const std::size_t size = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 48;
  strata_heap* const heap = strata_heap_create("bench", STRATA_NO_LIMIT);
  strata_heap* const pool = strata_pool_create("bench objects", size, 16, STRATA_NO_LIMIT);
  std::pmr::unsynchronized_pool_resource alone;
  std::pmr::synchronized_pool_resource locked;

  pairs("malloc-pair", [=] { return std::malloc(size); }, std::free);
  pairs(
      "heap-pair", [=] { return strata_heap_alloc(heap, size); },
      [=](void* block) { strata_heap_free(heap, block); });
  pairs("heap-pair-plain-free", [=] { return strata_heap_alloc(heap, size); }, std::free);
  pairs(
      "pool-pair", [=] { return strata_pool_alloc(pool); },
      [=](void* block) { strata_heap_free(pool, block); });
  pairs(
      "pmr-unsynchronized-pair", [&] { return alone.allocate(size); },
      [&](void* block) { alone.deallocate(block, size); });
  pairs(
      "pmr-synchronized-pair", [&] { return locked.allocate(size); },
      [&](void* block) { locked.deallocate(block, size); });

  filled(
      "malloc-million", "free-million-us", [=] { return std::malloc(size); },
      [](const std::vector<void*>& blocks) {
        for (void* const block : blocks) std::free(block);
      });
  filled(
      "heap-million", "heap-free-million-us", [=] { return strata_heap_alloc(heap, size); },
      [=](const std::vector<void*>& blocks) {
        for (void* const block : blocks) strata_heap_free(heap, block);
      });
  filled(
      "heap-million-again", "reset-million-us", [=] { return strata_heap_alloc(heap, size); },
      [=](const std::vector<void*>&) { strata_heap_reset(heap); });
  filled(
      "pmr-million", "pmr-release-million-us", [&] { return alone.allocate(size); },
      [&](const std::vector<void*>&) { alone.release(); });
  shared(heap, size);
  return 0;
}
