// double-free-by-a-thread-that-owns-nothing - one thread frees another's block twice.
// With  16 100 1000 20000 100000
#include "bug.h"

static void* free_twice(void* block) {
  free(block);
  free(opaque(block));
  return NULL;
}

int main(int, char** argv) {
  run_thread(free_twice, malloc(number(argv[1])));
  unseen();
}
