// use-after-free-of-a-large-block - read and written, at once and after others were given and
// freed; SIZE+OTHERS.
// With  40000+0 200000+0 4194304+0 200000+3 40000+3
// Under  harden:0  unseen
// Under  harden:1  SIGSEGV
#include "bug.h"

int main(int, char** argv) {
  const size_t size = number(argv[1]);
  volatile char* const block = malloc(size);
  block[size / 2] = 'x';
  free((void*)block);
  for (size_t i = number(strchr(argv[1], '+') + 1); i > 0; --i) free(opaque(malloc(3 * size)));
  if (block[0] == 'x') block[1] = 'y';
  block[size / 2] = 'y';
  unseen();
}
