// heap-aligned - blocks that are aligned, cleared, or moved: memalign and its kin, realloc in
// place, by copy and by mremap, calloc. An aligned block leaves what is before and after it free.
#include "heap-words.h"

enum { kAligned = 12, kMapped = 1 << 20, kRemapped = 8 << 20, kCleared = 5000 };

static const struct {
  size_t alignment, size;
} kAsked[kAligned] = {
    {16, 40},        {32, 100},          {64, 1},
    {256, 1000},     {1024, 24},         {4096, 4096},
    {8192, 100},     {65536, 3000},      {65536, 200000},  // from here own mappings
    {4096, kMapped}, {1 << 20, kMapped}, {2 << 20, 3 << 20},
};

static Byte* aligned[kAligned];
static Byte *grown, *moved, *remapped, *remapped_aligned, *cleared, *cleared_mapped;
// volatile: what is only written would not be kept.
static void* volatile kept[40];
static int kept_count;
static Tally live;

/// Lives to the end, and is counted.
static void* keep(void* block) {
  must(block != NULL && kept_count < 40);
  kept[kept_count++] = block;
  ++live.chunks;
  live.bytes += malloc_usable_size(block);
  return block;
}

static Byte* take_aligned(int number, size_t alignment, size_t size) {
  void* block = NULL;
  switch (number % 3) {
    case 0:
      must(posix_memalign(&block, alignment, size) == 0);
      break;
    case 1:
      block = memalign(alignment, size);
      break;
    default:
      block = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
      break;
  }
  must(block != NULL && (uintptr_t)block % alignment == 0);
  return block;
}

/// realloc, with X.before and whether the address changed.
static Byte* change(const char* name, Byte* block, size_t size) {
  const volatile uintptr_t before = (uintptr_t)block;
  Byte* const after = realloc(block, size);
  must(after != NULL);
  say("%s.before=%p\n%s.moved=%d\n", name, (void*)before, name, (uintptr_t)after != before);
  return after;
}

int main(void) {
  for (int i = 0; i < kAligned; ++i) {
    aligned[i] = keep(take_aligned(i, kAsked[i].alignment, kAsked[i].size));
    keep(take(24));
  }
  moved = take(100);
  keep(take(24));  // right after it: there is no room to grow
  moved = keep(change("moved", moved, 6000));
  remapped = take(kMapped);
  memset(remapped, 1, kMapped);
  remapped = keep(change("remapped", remapped, kRemapped));
  remapped_aligned = memalign(65536, kMapped);
  must(remapped_aligned != NULL);
  remapped_aligned = keep(change("remapped_aligned", remapped_aligned, 3 * kMapped));
  cleared = keep(calloc(kCleared, 1));
  cleared_mapped = keep(calloc(kMapped, 1));
  free(take_aligned(0, 4096, 20000));
  keep(take(70000));  // above all that is free, so after it is top
  grown = take(90000);
  grown = keep(change("grown", grown, 95000));

  for (int i = 0; i < kAligned; ++i) {
    state(numbered("aligned.%d.alignment", i), kAsked[i].alignment);
    state(numbered("aligned.%d.requested", i), kAsked[i].size);
    state_block(numbered("aligned.%d", i), aligned[i]);
  }
  state_block("grown", grown);
  state_block("moved", moved);
  state_block("remapped", remapped);
  state_range("remapped", remapped, kMapped);
  state("remapped.anonymous", kMapped);  // what was written before it grew
  state_block("remapped_aligned", remapped_aligned);
  state_block("cleared", cleared);
  state_block("cleared_mapped", cleared_mapped);
  state_tally("live", live);
  state_glibc();
  ready();
}
