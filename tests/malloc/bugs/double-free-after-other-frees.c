// double-free-after-other-frees - the block is not the last one that was freed, and a free of
// others around it may have taken it out of its thread's cache.
// With  16 100 1000 20000
#include "bug.h"

int main(int, char** argv) {
  enum { kBlocks = 2000 };
  static void* blocks[kBlocks];
  for (int i = 0; i < kBlocks; ++i) blocks[i] = malloc(number(argv[1]));
  void* const block = blocks[kBlocks / 2];
  free(block);
  for (int i = 0; i < kBlocks; i += 2) {
    if (blocks[i] != block) free(blocks[i]);
  }
  free(opaque(block));
  unseen();
}
