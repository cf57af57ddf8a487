// free-of-an-interior-pointer-of-a-large-block - SIZE+OFFSET: near its start, on a page, and at
// its middle.
// With  102400+8 102400+16 102400+51200 4194304+8 4194304+16 4194304+4096 4194304+2097152
// With  1073741824+536870912
#include "bug.h"

int main(int, char** argv) {
  char* const block = malloc(number(argv[1]));
  expect(block);
  free(opaque(block + number(strchr(argv[1], '+') + 1)));
  unseen();
}
