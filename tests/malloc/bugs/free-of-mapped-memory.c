// free-of-mapped-memory - what mmap(2) gave is not malloc's: SIZE+OFFSET.
// With  4096+0 4096+16 65536+0 4194304+0 4194304+2097152 67108864+0
#include "bug.h"

int main(int, char** argv) {
  free(malloc(100));
  char* const mapping =
      mmap(NULL, number(argv[1]), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(mapping != MAP_FAILED);
  free(opaque(mapping + number(strchr(argv[1], '+') + 1)));
  unseen();
}
