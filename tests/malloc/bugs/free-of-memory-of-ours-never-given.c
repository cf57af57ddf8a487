// free-of-memory-of-ours-never-given - beyond a live block by that many bytes, and never where a
// block begins: blocks begin at multiples of 16.
// With  16392 65544 262152 1048584
#include "bug.h"

int main(int, char** argv) {
  char* const block = malloc(100);
  free(opaque(block + number(argv[1])));
  unseen();
}
