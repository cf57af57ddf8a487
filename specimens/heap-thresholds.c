// heap-thresholds - the mmap threshold that moves: freeing a block with a mapping of its own raises
// it to that chunk's size, and the trim threshold to twice that. Where it stands is observed: the
// smallest request that gets a mapping, by mallinfo2's count of them.
#include "heap-words.h"

enum {
  kMiB = 1 << 20,
  kFreed = 20 * kMiB,
  kInHeap = 10 * kMiB,
  kTop = 5 * kMiB,
  kSmall = 200 << 10
};

static size_t mapped_blocks(void) {
  const struct mallinfo2 own = mallinfo2();
  return (size_t)own.hblks;
}

static void* in_heap;
static void* mapped[2];

/// The smallest request that glibc gives a mapping, from `size` on. The threshold is asked only
/// where top is too small, so it is made so.
static size_t smallest_mapped(size_t size, void** block) {
  for (;; size += 16) {
    malloc_trim(0);
    const size_t before = mapped_blocks();
    *block = take(size);
    if (mapped_blocks() > before) return size;
    free(*block);
  }
}

int main(void) {
  mapped[0] = take(kSmall);  // above the threshold of 128 KiB that all begin with
  const size_t before = mapped_blocks();
  void* const moves = take(kFreed);
  const size_t with = mapped_blocks();
  state("before.mapped", before);
  state("freed.requested", kFreed);
  state("freed.was_mapped", with - before);
  free(moves);
  in_heap = take(kInHeap);
  memset(in_heap, 1, kInHeap);
  state("in_heap.requested", kInHeap);
  state("in_heap.was_mapped", mapped_blocks() - before);
  const size_t smallest = smallest_mapped(kFreed - 64, &mapped[1]);
  // Free at the top stays, being under the trim threshold that moved too: glibc.keepcost.
  void* volatile top = take(kTop);
  free(top);

  state_block("in_heap", in_heap);
  state_range("in_heap", in_heap, kInHeap);
  state("in_heap.anonymous", kInHeap);
  state_block("mapped.0", mapped[0]);
  state_block("mapped.1", mapped[1]);
  state("largest_in_heap.requested", smallest - 16);
  state("smallest_mapped.requested", smallest);
  // malloc compares chunks: 8 bytes more, by sixteens.
  state("mmap_threshold.observed", (smallest + 8 + 15) / 16 * 16);
  state("top.freed_at_least", kTop);
  state_glibc();
  ready();
}
