// the-usable-size-is-usable - all of it is the block's own, is at least what was asked for, and is
// carried along by realloc.
#include "../expect.h"

int main(void) {
  enum { kBlocks = 400 };
  static void* blocks[kBlocks];
  for (size_t round = 0; round < 24; ++round) {
    for (size_t i = 0; i < kBlocks; ++i) {
      const size_t size = round * 167 % 4001 + i * (round % 5);
      blocks[i] = i % 4 == 3 ? memalign(64, size) : malloc(size);
      const size_t usable = malloc_usable_size(blocks[i]);
      expect(usable >= size && usable <= size * 2 + 4096);
      fill(blocks[i], usable, (unsigned)i);
    }
    for (size_t i = 0; i < kBlocks; ++i) {
      const size_t usable = malloc_usable_size(blocks[i]);
      expect(holds(blocks[i], usable, (unsigned)i));
      if (i % 7 == 0) {
        blocks[i] = realloc(blocks[i], usable * 3 + 100);
        expect(holds(blocks[i], usable, (unsigned)i));
      }
      free(blocks[i]);
    }
  }
  for (size_t size = 4000; size < 32 * kMiB; size = size * 5 / 3) {
    unsigned char* const block = malloc(size);
    const size_t usable = malloc_usable_size(block);
    expect(usable >= size && usable <= size * 2);
    memset(block, 7, usable);
    free(block);
  }
}
