// tests/malloc/life/churn.h - what a thread does with an allocator, for tests of when it does it.
//
//   churn(SEED, STEPS)    allocates, writes, checks and frees blocks of all sizes, by chance
//   resident()            bytes that the program has in memory
//   most_mappings()       vm.max_map_count; ends as skipped where nobody can come near it
//   little_to_lock()      sets RLIMIT_MEMLOCK to little, and returns it
//   churners(N)           starts N threads that churn until stop_churners(), which joins them
#pragma once

#include "../expect.h"

__attribute__((unused)) static uint64_t next_random(uint64_t* state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state >> 33;
}

// Mostly small; a thousandth of them are large.
__attribute__((unused)) static size_t random_size(uint64_t* state) {
  const uint64_t kind = next_random(state) % 1000;
  if (kind < 800) return next_random(state) % 500;
  if (kind < 950) return next_random(state) % 8000;
  if (kind < 999) return next_random(state) % 100000;
  return next_random(state) % 1000000;
}

__attribute__((unused)) static void churn(uint64_t seed, long steps) {
  enum { kBlocks = 100 };
  struct {
    unsigned char* bytes;
    size_t size;
  } blocks[kBlocks];
  memset(blocks, 0, sizeof blocks);
  for (; steps > 0; --steps) {
    const size_t i = next_random(&seed) % kBlocks;
    if (blocks[i].bytes) {
      expect(blocks[i].bytes[0] == (unsigned char)i &&
             blocks[i].bytes[blocks[i].size] == (unsigned char)i);
    }
    const uint64_t kind = next_random(&seed) % 8;
    if (kind == 0 && blocks[i].bytes) {
      blocks[i].size = random_size(&seed);
      expect((blocks[i].bytes = (unsigned char*)realloc(blocks[i].bytes, blocks[i].size + 1)));
    } else {
      free(blocks[i].bytes);
      blocks[i].size = random_size(&seed);
      blocks[i].bytes = (unsigned char*)(kind == 1   ? calloc(blocks[i].size + 1, 1)
                                         : kind == 2 ? memalign(64, blocks[i].size + 1)
                                                     : malloc(blocks[i].size + 1));
      expect(blocks[i].bytes);
    }
    blocks[i].bytes[0] = blocks[i].bytes[blocks[i].size] = (unsigned char)i;
  }
  for (int i = 0; i < kBlocks; ++i) free(blocks[i].bytes);
}

// RLIMIT_MEMLOCK, brought down to at most 32 MiB; 8 are usual.
__attribute__((unused)) static size_t little_to_lock(void) {
  struct rlimit limit;
  expect(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
  if (limit.rlim_cur > 32 * kMiB) limit.rlim_cur = 32 * kMiB;
  expect(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
  return limit.rlim_cur;
}

__attribute__((unused)) static size_t most_mappings(void) {
  FILE* const file = fopen("/proc/sys/vm/max_map_count", "r");
  size_t most = 0;
  expect(file && fscanf(file, "%zu", &most) == 1);
  fclose(file);
  if (most > 200000) {
    dprintf(1, "vm.max_map_count is %zu here\n", most);
    _exit(77);
  }
  return most;
}

__attribute__((unused)) static size_t resident(void) {
  size_t size = 0, pages = 0;
  FILE* const file = fopen("/proc/self/statm", "r");
  expect(file && fscanf(file, "%zu %zu", &size, &pages) == 2);
  fclose(file);
  return pages * 4096;
}

static pthread_t churners_[64];
static int churners_count_;
static volatile int churners_stop_;

__attribute__((unused)) static void* churn_on_(void* seed) {
  for (uintptr_t round = 0; !churners_stop_; ++round) churn((uintptr_t)seed * 1000 + round, 200);
  return NULL;
}

__attribute__((unused)) static void churners(int count) {
  churners_stop_ = 0;
  for (churners_count_ = 0; churners_count_ < count; ++churners_count_) {
    expect(pthread_create(&churners_[churners_count_], NULL, churn_on_,
                          (void*)(uintptr_t)(churners_count_ + 1)) == 0);
  }
}

__attribute__((unused)) static void stop_churners(void) {
  churners_stop_ = 1;
  while (churners_count_ > 0) expect(pthread_join(churners_[--churners_count_], NULL) == 0);
}
