// heaps-live-through-threads-and-forks - threads share heaps and end, forks happen meanwhile, and
// children go on with what they inherited.
#include "../heaps.h"

enum { kHeaps = 3, kThreads = 3, kForks = 20, kBlocks = 300 };
static strata_heap* heaps[kHeaps];
static int stops;

static void use(unsigned seed) {
  void* blocks[kBlocks] = {0};
  for (unsigned i = 0; i < 5 * kBlocks; ++i) {
    seed = seed * 1664525 + 1013904223;
    const unsigned at = seed >> 8 & 255;
    if (blocks[at]) {
      expect(holds(blocks[at], 16, at));
      free(blocks[at]);
      blocks[at] = NULL;
      continue;
    }
    const size_t size = 16 + (seed >> 16) % (i % 100 == 0 ? 90000 : 600);
    blocks[at] = strata_heap_alloc(heaps[i % kHeaps], size);
    expect(blocks[at]);
    fill(blocks[at], 16, at);
  }
  for (unsigned at = 0; at < kBlocks; ++at) free(blocks[at]);
}

static void* work(void* seed) {
  for (unsigned i = 0; !__atomic_load_n(&stops, __ATOMIC_RELAXED); ++i) {
    use((unsigned)(uintptr_t)seed + i);
    strata_heap_destroy(strata_heap_create("brief", kMiB));
  }
  return NULL;
}

int main(void) {
  for (int i = 0; i < kHeaps; ++i) heaps[i] = strata_heap_create("shared", STRATA_NO_LIMIT);
  void* const kept = strata_heap_alloc(heaps[0], 1000);
  fill(kept, 1000, 5);
  pthread_t threads[kThreads];
  for (uintptr_t i = 0; i < kThreads; ++i)
    expect(pthread_create(&threads[i], NULL, work, (void*)(i * 1000)) == 0);
  for (unsigned i = 0; i < kForks; ++i) {
    const pid_t child = fork();
    expect(child >= 0);
    if (child == 0) {
      alarm(120);
      expect(holds(kept, 1000, 5));
      use(i);
      strata_heap_reset(heaps[0]);
      expect(figures_of(heaps[0]).live_blocks == 0);
      strata_heap_destroy(heaps[1]);
      strata_heap* const own = strata_heap_create("own", kMiB);
      expect(own && strata_heap_alloc(own, 1000));
      _exit(0);
    }
    expect(ended_well(child));
  }
  stops = 1;
  for (int i = 0; i < kThreads; ++i) expect(pthread_join(threads[i], NULL) == 0);
  expect(holds(kept, 1000, 5) && figures_of(heaps[0]).live_blocks == 1);
  expect(figures_of(heaps[1]).live_blocks == 0);
}
