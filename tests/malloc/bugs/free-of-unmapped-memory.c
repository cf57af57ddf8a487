// free-of-unmapped-memory - of an address where nothing is any more.
#include "bug.h"

int main(void) {
  free(malloc(100));
  const size_t size = 64 * kMiB;
  char* const mapping =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(mapping != MAP_FAILED && munmap(mapping, size) == 0);
  free(opaque(mapping + size / 2));
  unseen();
}
