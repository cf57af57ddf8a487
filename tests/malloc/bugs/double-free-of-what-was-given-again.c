// double-free-of-what-was-given-again - the same size is asked for in between, so many times. Once
// a block has been given again no allocator can tell; where harden is on it is not, for a while.
// With  1 10 1000
// Under  harden:0  unseen
// Under  harden:1  SIGABRT
#include "bug.h"

int main(int, char** argv) {
  enum { kMost = 1000 };
  static void* blocks[kMost];
  void* const block = malloc(64);
  free(block);
  for (size_t i = 0; i < number(argv[1]); ++i) blocks[i] = malloc(64);
  free(opaque(block));
  unseen();
}
