// free-of-a-thread-local - of a variable in the thread's own block of TLS.
#include "bug.h"

static _Thread_local _Alignas(64) char variable[256];

int main(void) {
  free(malloc(100));
  free(opaque(variable));
  unseen();
}
