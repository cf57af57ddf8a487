// overflow-past-a-large-block - by one byte.
// With  40000 200000 4194304
// Under  harden:0  unseen
// Under  harden:1  SIGSEGV
#include "bug.h"

int main(int, char** argv) {
  const size_t size = number(argv[1]);
  char* const block = malloc(size);
  char* const another = malloc(size);
  expect(block && another);
  ((volatile char*)block)[malloc_usable_size(block)] = 'x';
  unseen();
}
