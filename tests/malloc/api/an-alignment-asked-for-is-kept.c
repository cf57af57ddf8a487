// an-alignment-asked-for-is-kept - from 1 byte to 1 GiB, with every size, through every function;
// what comes back is a block like others.
#include "../expect.h"

static void is_a_block(void* block, size_t alignment, size_t size) {
  expect(block);
  expect((uintptr_t)block % alignment == 0);
  expect((uintptr_t)block % 16 == 0 || alignment < 16);
  expect(malloc_usable_size(block) >= size);
}

static void all_ways(size_t alignment, size_t size) {
  void *one, *two, *three = NULL;
  is_a_block(one = aligned_alloc(alignment, size), alignment, size);
  is_a_block(two = memalign(alignment, size), alignment, size);
  if (alignment >= sizeof(void*)) {
    expect(posix_memalign(&three, alignment, size) == 0);
    is_a_block(three, alignment, size);
  }
  const size_t some = size < 3000 ? size : 3000;
  fill(one, some, 1);
  fill(two, some, 2);
  if (three) fill(three, some, 3);
  expect(holds(one, some, 1) && holds(two, some, 2) && (!three || holds(three, some, 3)));
  free(two);
  expect((one = realloc(one, size + 5000)));
  expect(holds(one, some, 1) && (!three || holds(three, some, 3)));
  free(one);
  free(three);
}

int main(void) {
  for (size_t alignment = 1; alignment <= 4 * kMiB; alignment *= 2) {
    const size_t sizes[] = {0,
                            1,
                            15,
                            16,
                            17,
                            100,
                            alignment - 1,
                            alignment,
                            alignment + 1,
                            alignment * 2,
                            alignment * 3 + 7,
                            5000,
                            40000,
                            300000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) all_ways(alignment, sizes[i]);
  }
  for (size_t alignment = 8 * (size_t)kMiB; alignment <= 1024 * (size_t)kMiB; alignment *= 2) {
    all_ways(alignment, 100);
    all_ways(alignment, alignment + 1);
  }
  // Many live at once: they may not lie in each other's padding.
  enum { kBlocks = 600 };
  static unsigned char* blocks[kBlocks];
  for (size_t i = 0; i < kBlocks; ++i) {
    blocks[i] = memalign((size_t)16 << (i % 9), 16 + i * 7 % 900);
    fill(blocks[i], 16 + i * 7 % 900, (unsigned)i);
  }
  for (size_t i = 0; i < kBlocks; ++i) {
    expect(holds(blocks[i], 16 + i * 7 % 900, (unsigned)i));
    free(blocks[i]);
  }
  expect(((uintptr_t)valloc(100)) % 4096 == 0);
  void* const pages = pvalloc(4097);
  expect((uintptr_t)pages % 4096 == 0 && malloc_usable_size(pages) >= 8192);
}
