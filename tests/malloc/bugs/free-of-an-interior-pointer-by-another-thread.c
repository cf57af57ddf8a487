// free-of-an-interior-pointer-by-another-thread - SIZE+OFFSET, where the block is not its own.
// With  64+8 64+16 1000+496 20000+4096 102400+16 4194304+2097152
#include "bug.h"

static void* free_it(void* block) {
  free(block);
  return NULL;
}

int main(int, char** argv) {
  char* const block = malloc(number(argv[1]));
  run_thread(free_it, opaque(block + number(strchr(argv[1], '+') + 1)));
  unseen();
}
