// double-free-by-two-threads - two threads free a third's block, one after the other.
// With  16 100 1000 20000 100000
#include "bug.h"

static void* free_it(void* block) {
  free(block);
  return NULL;
}

int main(int, char** argv) {
  void* const block = malloc(number(argv[1]));
  run_thread(free_it, block);
  run_thread(free_it, opaque(block));
  unseen();
}
