// a-heaps-limit-holds - as many blocks as the limit has room for, in many threads at once, and then
// NULL and ENOMEM, which is counted; what is freed can be had again.
#include "../heaps.h"

enum { kThreads = 4, kSize = 128, kBlocks = 4000 };
static strata_heap* heap;
static size_t got, refused;

static void* take_all(void* unused) {
  for (;;) {
    errno = 0;
    void* const block = strata_heap_alloc(heap, kSize);
    if (!block) break;
    memset(block, 1, kSize);
    __atomic_fetch_add(&got, 1, __ATOMIC_RELAXED);
  }
  expect(errno == ENOMEM);
  __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
  return unused;
}

int main(void) {
  heap = strata_heap_create("limited", kBlocks * kSize);
  pthread_t threads[kThreads];
  for (int round = 0; round < 3; ++round) {
    got = 0;
    for (int i = 0; i < kThreads; ++i)
      expect(pthread_create(&threads[i], NULL, take_all, NULL) == 0);
    for (int i = 0; i < kThreads; ++i) expect(pthread_join(threads[i], NULL) == 0);
    expect(got == kBlocks);
    const struct strata_heap_figures figures = figures_of(heap);
    expect(figures.live_blocks == kBlocks && figures.live_bytes == kBlocks * kSize);
    expect(figures.peak_bytes == figures.limit_bytes && figures.refused == refused);
    strata_heap_reset(heap);
    expect(figures_of(heap).held_bytes == 0);
  }
  strata_heap_set_limit(heap, kMiB);
  void* const run = strata_heap_alloc(heap, kMiB);
  expect(run);
  expect(strata_heap_alloc(heap, 1) == NULL);
  expect(realloc(run, 2 * kMiB) == NULL && strata_heap_of(run) == heap);
  free(run);
  expect(strata_heap_alloc(heap, 1));
}
