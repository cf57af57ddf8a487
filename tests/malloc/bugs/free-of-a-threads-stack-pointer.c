// free-of-a-threads-stack-pointer - stacks of threads are mappings among the heap's.
#include "bug.h"

static void* work(void* unused) {
  _Alignas(64) char local[256];
  free(malloc(100));
  free(opaque(local + 64));
  return unused;
}

int main(void) {
  run_thread(work, NULL);
  unseen();
}
