// free-of-brk-memory - of what the program took from sbrk(2) itself.
#include "bug.h"

int main(void) {
  free(malloc(100));
  char* const mine = sbrk(65536);
  expect(mine != (void*)-1);
  free(opaque((char*)(((uintptr_t)mine + 4095) & ~(uintptr_t)4095) + 16384));
  unseen();
}
