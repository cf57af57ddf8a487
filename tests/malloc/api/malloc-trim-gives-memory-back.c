// malloc-trim-gives-memory-back - what is free leaves, also from between blocks that live.
#include "../life/churn.h"

int main(void) {
  enum { kBlocks = 64 * 1024, kSize = 1000 };
  static char* blocks[kBlocks];
  const size_t before = resident();
  for (int i = 0; i < kBlocks; ++i) memset(blocks[i] = malloc(kSize), 1, kSize);
  expect(resident() - before >= (size_t)kBlocks * kSize * 9 / 10);
  for (int i = 0; i < kBlocks; ++i) {
    if (i % 64) free(blocks[i]);
  }
  malloc_trim(0);
  // 1 of 64 lives, on a page that cannot go: a sixteenth or so, with what caches keep.
  expect(resident() - before < (size_t)kBlocks * kSize / 3);
  for (int i = 0; i < kBlocks; i += 64) {
    expect(blocks[i][0] == 1 && blocks[i][kSize - 1] == 1);
    free(blocks[i]);
  }
  malloc_trim(0);
  expect(resident() - before < 8 * kMiB || resident() < before);
}
