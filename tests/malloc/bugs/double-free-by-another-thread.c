// double-free-by-another-thread - the owner has freed it, then another thread does.
// With  16 100 1000 20000 100000
#include "bug.h"

static void* free_it(void* block) {
  free(block);
  return NULL;
}

int main(int, char** argv) {
  void* const block = malloc(number(argv[1]));
  free(block);
  run_thread(free_it, opaque(block));
  unseen();
}
