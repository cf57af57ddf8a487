// free-of-an-interior-pointer - into a live block: SIZE+OFFSET.
// With  64+8 64+16 1000+8 1000+16 1000+496 5000+4096 20000+8 20000+16 60000+4096
#include "bug.h"

int main(int, char** argv) {
  char* const block = malloc(number(argv[1]));
  free(opaque(block + number(strchr(argv[1], '+') + 1)));
  unseen();
}
