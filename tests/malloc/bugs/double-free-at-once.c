// double-free-at-once - nothing happens between the two frees.
// With  1 16 24 100 1000 4000 30000 60000
#include "bug.h"

int main(int, char** argv) {
  void* const block = malloc(number(argv[1]));
  free(block);
  free(opaque(block));
  unseen();
}
