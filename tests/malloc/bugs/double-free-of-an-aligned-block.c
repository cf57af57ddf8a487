// double-free-of-an-aligned-block - aligned_alloc's blocks are free once, too.
// With  32 64 4096 65536 2097152
#include "bug.h"

int main(int, char** argv) {
  void* const block = aligned_alloc(number(argv[1]), number(argv[1]));
  expect(block);
  free(block);
  free(opaque(block));
  unseen();
}
