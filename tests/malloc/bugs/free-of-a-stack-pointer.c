// free-of-a-stack-pointer - of the main thread's stack.
#include "bug.h"

int main(void) {
  free(malloc(100));
  _Alignas(64) char local[256];
  free(opaque(local + 64));
  unseen();
}
