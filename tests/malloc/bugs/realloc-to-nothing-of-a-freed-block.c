// realloc-to-nothing-of-a-freed-block - realloc(p, 0) frees, so it is a double free.
// With  16 1000 102400
#include "bug.h"

int main(int, char** argv) {
  void* const block = malloc(number(argv[1]));
  free(block);
  void* const again = realloc(opaque(block), 0);
  if (again != (void*)1) unseen();
}
