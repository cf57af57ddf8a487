// free-of-the-end-of-a-block - one past its last usable byte, where nothing else has begun.
// With  16 1000 100000 4194304
#include "bug.h"

int main(int, char** argv) {
  char* const block = malloc(number(argv[1]));
  free(opaque(block + malloc_usable_size(block)));
  unseen();
}
