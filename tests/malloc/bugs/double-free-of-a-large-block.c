// double-free-of-a-large-block - of 100 KiB, 4 MiB and 1 GiB.
// With  102400 4194304 1073741824
#include "bug.h"

int main(int, char** argv) {
  void* const block = malloc(number(argv[1]));
  expect(block);
  free(block);
  free(opaque(block));
  unseen();
}
